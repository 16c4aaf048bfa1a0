//! The loopback HTTP endpoint: `/healthz`, `/readyz`, `/metrics`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Health;
use crate::model::Severity;

/// What the endpoint serves.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) health: Health,
    pub(super) prometheus: Option<PrometheusHandle>,
}

impl Endpoint {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }

    /// Serves until `stop` changes. The address may name port 0.
    pub(super) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    pub(super) async fn serve(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let served = axum::serve(listener, self.router()).with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        if let Err(error) = served.await {
            tracing::error!(%error, "the HTTP endpoint ended");
        }
    }
}

async fn healthz(State(endpoint): State<Endpoint>) -> Response {
    match endpoint.health.alive() {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn readyz(State(endpoint): State<Endpoint>) -> Response {
    match endpoint.health.readiness() {
        Ok(readiness) if readiness.ready => Json(readiness).into_response(),
        Ok(readiness) => (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn metrics(State(endpoint): State<Endpoint>) -> Response {
    let Some(prometheus) = &endpoint.prometheus else {
        return (StatusCode::NOT_FOUND, "metrics are not recorded\n").into_response();
    };
    if let Ok(readiness) = endpoint.health.readiness() {
        let oldest = readiness
            .oldest_due
            .map_or(0.0, |span| span.0 as f64 / 1000.0);
        metrics::gauge!("jarchi_queue_oldest_due_seconds").set(oldest);
        metrics::gauge!("jarchi_queue_running").set(readiness.running as f64);
        metrics::gauge!("jarchi_queue_dead_letters").set(readiness.dead_letters as f64);
    }
    let view = endpoint.health.store.view();
    if let Ok(alarms) = view.alarms() {
        for severity in [Severity::Error, Severity::Warning] {
            let count = alarms
                .iter()
                .filter(|alarm| alarm.severity == severity && alarm.cleared.is_none())
                .count();
            metrics::gauge!("jarchi_alarms", "severity" => severity.word()).set(count as f64);
        }
    }
    if let Ok(breakers) = view.breakers() {
        let open = breakers.iter().filter(|(_, one)| one.open.is_some());
        metrics::gauge!("jarchi_breakers_open").set(open.count() as f64);
    }
    if let Ok(size) = endpoint.health.store.size_on_disk() {
        metrics::gauge!("jarchi_store_bytes").set(size as f64);
    }
    prometheus.run_upkeep();
    (
        [("content-type", "text/plain; version=0.0.4")],
        prometheus.render(),
    )
        .into_response()
}
