//! Jarchi: a daemon that runs a brand's social media unattended.
//!
//! The modules are the stations that a post passes; each depends only on those below it
//! in this list: [`cli`], [`service`], [`schedule`], [`content`], [`account`], [`publish`],
//! [`measure`] and [`alarm`], [`plugin`], [`queue`], [`store`], [`config`], [`model`]. [`clock`], [`cron`]
//! and [`media`] are leaves that any of them may use. Beside them stands [`demo`].

pub mod account;
pub mod alarm;
pub mod cli;
pub mod clock;
pub mod config;
pub mod content;
pub mod cron;
pub mod demo;
pub mod measure;
pub mod media;
pub mod model;
pub mod plan;
pub mod plugin;
pub mod publish;
pub mod queue;
pub mod schedule;
pub mod service;
pub mod store;
