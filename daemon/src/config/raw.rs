//! The sections as they stand in a file. Their doc comments are the descriptions that
//! editors show.

use chrono_tz::Tz;

use super::alarms::{MailAddress, MailServer};
use super::media::PublicUrl;
use super::raw_strategy::{
    RawAccountPlan, RawBrandPlan, RawCampaign, RawLearn, RawPillar, RawVoice, RawWeek,
};
use super::reader::{Located, Tables, section};
use super::tables::{CallbackAddress, Folders, SecretAddress, SecretText, Secrets, Settings};
use super::values::{
    Age, CronText, FilePath, Hashtag, HttpAddress, Language, LogFilter, Measured, Name, PluginName,
    RunWord, Size, Span, Whole,
};
use super::{
    Approval, ApprovalConfig, ApprovalRule, BreakerConfig, ByteSize, Daemon, HashtagPlace,
    HostPattern, Keep, LatePolicy, Limits, LinkPlace, LogConfig, LogFormat, MailSecurity,
    MeasureConfig, MeasureKeep, Measuring, MediaConfig, Misfire, PluginConfig, Rails, Retry,
    ScheduleConfig, Through,
};
use crate::model::{OnDeadline, Severity as Gravity, Visibility};

const SECOND: u64 = 1000;
pub(super) const HOUR: u64 = 3600 * SECOND;
pub(super) const DAY: u64 = 24 * HOUR;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

section! {
    /// The configuration of the Jarchi daemon. The files of `conf.d` beside the main file
    /// have the same sections.
    RawFile {
        /// How the daemon itself runs. In one file only.
        daemon: RawDaemon,
        /// The files of posts: where platforms fetch them. In one file only.
        media: RawMedia,
        /// How posts that wait for a person are brought to one. In one file only.
        approval: RawApproval,
        /// How numbers are collected, and how long they stay. In one file only.
        measure: RawMeasure,
        /// Whom the daemon speaks for.
        brand: Tables<RawBrand>,
        /// A profile on a platform.
        account: Tables<RawAccount>,
        /// A plugin that needs other than the usual: grants, limits, another path. A
        /// plugin that an account or a generator names needs no block.
        plugin: Tables<RawPlugin>,
        /// A theme of a brand's posts.
        pillar: Tables<RawPillar>,
        /// Posts with one goal, from one day to another.
        campaign: Tables<RawCampaign>,
        /// A source of content.
        generator: Tables<RawGenerator>,
        /// When a generator is asked, numbers are collected, or the store is backed up.
        /// Generators without a schedule are asked every 5 minutes; without other schedules,
        /// accounts are measured daily. Posts are measured by their age, whatever stands here.
        schedule: Tables<RawSchedule>,
        /// Whom to tell when something goes wrong. Exactly one of `webhook`, `email` and
        /// `account`.
        alarm: Tables<RawAlarm>,
    }

    /// How the daemon itself runs. In one file only.
    RawDaemon {
        /// The folder of the store, the vault and the compiled plugins. Else
        /// `/var/lib/jarchi` for a configuration below `/etc`, and `.jarchi` beside the
        /// main file for every other. Needs a restart.
        data_dir: FilePath,
        /// The folder of the plugins' files. Else `plugins` in `data_dir`.
        plugin_dir: FilePath,
        /// Where `/healthz`, `/readyz` and `/metrics` are served, without a password;
        /// false: nowhere. Needs a restart.
        http: HttpAddress = Daemon::HTTP.to_string(),
        /// The socket of the command line. Else `jarchi.sock` in `data_dir`. Needs a
        /// restart.
        socket: FilePath,
        /// How long running publishes may take to end at a stop.
        grace: Span<0, { 10 * 60 * SECOND }> = Daemon::GRACE,
        /// Publishes under way at once, over all plugins.
        concurrency: Whole<1, 1024> = Daemon::CONCURRENCY,
        /// The store's page cache. Needs a restart.
        cache: Size<MIB, { 64 * GIB }> = ByteSize(Daemon::CACHE).to_string(),
        /// Bytes that others leave free on the store's disk: with less, nothing new is
        /// accepted or begun.
        keep_free: Size<0, { 1024 * 1024 * GIB }> = ByteSize(Daemon::KEEP_FREE).to_string(),
        /// The links of a new post are asked for an answer, and its author is warned.
        check_links: bool = true,
        /// How long the store remembers what is over.
        keep: RawKeep,
        /// What is logged, and how.
        log: RawLog,
        /// What is done after a passing fault.
        retry: RawRetry,
        /// When calls are kept off an account or a plugin for a while.
        breaker: RawBreaker,
        /// Less than this free on the disk of `data_dir` is an alarm; 0: never.
        least_free: Size<0, { 1024 * 1024 * GIB }> = ByteSize(Daemon::LEAST_FREE).to_string(),
    }

    /// What is logged, and how.
    RawLog {
        /// A level, or levels by module, as `info,jarchi::queue=debug`.
        filter: LogFilter = LogConfig::default().filter,
        /// `auto` is journald under systemd, else human. Needs a restart.
        format: LogFormat = LogConfig::default().format.word(),
    }

    /// How long the store remembers what is over.
    RawKeep {
        /// Published, cancelled and missed posts.
        settled: Span<DAY, { 36600 * DAY }> = Keep::default().settled,
        /// Measured numbers.
        series: Span<DAY, { 36600 * DAY }> = Keep::default().series,
        /// Failed and parked posts, and other jobs that were given up.
        dead_letters: Span<DAY, { 36600 * DAY }> = Keep::default().dead_letters,
    }

    /// What is done after a passing fault.
    RawRetry {
        /// Tries in all before a job goes to the dead letters.
        attempts: Whole<1, 100> = Retry::default().attempts,
        /// Before the second try; doubled for each further one, with jitter.
        first: Span<SECOND, DAY> = Retry::default().first,
        /// The longest wait between two tries.
        longest: Span<SECOND, { 7 * DAY }> = Retry::default().longest,
    }

    /// When calls are kept off an account or a plugin for a while.
    RawBreaker {
        /// Faults in a row that say "it is not this post".
        faults: Whole<1, 1000> = BreakerConfig::default().faults,
        /// Before one call is let through to see; doubled each time.
        first: Span<SECOND, DAY> = BreakerConfig::default().first,
        /// The longest wait between two such calls.
        longest: Span<SECOND, { 7 * DAY }> = BreakerConfig::default().longest,
    }

    /// The files of posts: where platforms fetch them. In one file only.
    RawMedia {
        /// Where `listen` can be reached from everywhere, through a proxy that speaks
        /// https: for platforms that fetch pictures and videos instead of taking them, as
        /// Instagram, Threads and TikTok do. Else such posts are refused.
        public_url: PublicUrl,
        /// Where files are served to the proxy; false: nowhere. Needs a restart.
        listen: HttpAddress = MediaConfig::LISTEN.to_string(),
        /// How long the address of a file can be fetched.
        valid: Span<{ 60 * SECOND }, { 30 * DAY }> = MediaConfig::VALID,
        /// Files that were made ready for platforms are kept up to so much: without
        /// metadata, converted, made smaller.
        cache: Size<0, { 1024 * GIB }> = ByteSize(MediaConfig::CACHE).to_string(),
        /// The folder of the brand's own photos and videos, with its `media.toml`.
        library: FilePath,
    }

    /// How posts that wait for a person are brought to one. In one file only.
    RawApproval {
        /// The account through which drafts are brought to somebody who answers them: with
        /// `ok`, with `no: why`, or with other words. Its plugin needs an inbox.
        through: Name,
        /// Who may answer there: handles, or the platform's numbers of people.
        from: Vec<Located<String>>,
        /// How often answers are looked for, as long as something waits.
        every: Span<{ 5 * SECOND }, HOUR> = Through::EVERY,
        /// How long before the deadline an alarm tells that a post that needs a yes has none.
        remind: Span<0, { 30 * DAY }> = ApprovalConfig::default().remind,
    }

    /// How numbers are collected, and how long they stay. In one file only.
    RawMeasure {
        /// How old a post is when it is measured: each age once, however old it is when the
        /// daemon comes to it. Empty: by schedules and commands alone.
        ages: Vec<Located<Age>> = Measuring::AGES,
        /// Requests for measuring one account on one day of UTC; 0: as many as it takes. What
        /// is left then is measured on the next day.
        requests_per_day: Whole<0, { MeasureConfig::MOST_REQUESTS }> = Measuring::REQUESTS,
        /// How closely series are kept.
        keep: RawMeasureKeep,
    }

    /// How closely series are kept. How long at all, says `daemon.keep.series`.
    RawMeasureKeep {
        /// Every reading this long; of older ones the first and the last of each day.
        every: Span<DAY, { 36600 * DAY }> = MeasureKeep::default().every,
        /// Those this long; of older ones the first and the last of each week.
        daily: Span<DAY, { 36600 * DAY }> = MeasureKeep::default().daily,
    }

    /// How the posts of one account are measured; else as `[measure]` says.
    RawAccountMeasure {
        /// How old a post is when it is measured.
        ages: Vec<Located<Age>>,
        /// Requests for measuring on one day of UTC; 0: as many as it takes.
        requests_per_day: Whole<0, { MeasureConfig::MOST_REQUESTS }>,
    }

    /// Whom the daemon speaks for.
    RawBrand {
        /// What accounts and generators call it.
        name(required): String,
        /// Of the IANA database, as `Asia/Baku`: slots and schedules are in it.
        time_zone(required): Tz,
        /// BCP 47 tags, as `az` or `en-GB`; the first is the default.
        languages: Vec<Located<Language>>,
        /// Handed to generators.
        hashtags: Vec<Located<Hashtag>>,
        /// How the brand speaks.
        voice: RawVoice,
        /// Whom it speaks to; generators are told.
        audience: String,
        /// What people are asked to do, as `Book a table`; generators are told.
        call_to_action: String,
        /// The rules by which its days are planned.
        plan: RawBrandPlan,
        /// How it learns from its numbers.
        learn: RawLearn,
    }

    /// A profile on a platform.
    RawAccount {
        /// Its name everywhere else. Keep it: the queue and the numbers go by it.
        name(required): Name,
        /// The plugin that serves it, as `mastodon`.
        plugin(required): PluginName,
        /// May be left out where there is one brand only.
        brand: String,
        /// The plugin's own settings (`jarchi plugin inspect` lists them). Strings may
        /// hold `${env:NAME}` and `${file:PATH}`.
        settings: Settings,
        /// Put into requests by the broker; the plugin never sees them. Write
        /// `${env:NAME}`, `${file:PATH}` or `${credential:NAME}`.
        secrets: Secrets,
        /// The app's id for this account alone; else the plugin's.
        client_id: SecretText,
        /// The app's secret for this account alone; goes with its `client_id`.
        client_secret: SecretText,
        /// When posts without a time of their own go out: cron expressions in the
        /// brand's time zone.
        slots: Vec<Located<CronText>>,
        /// Slots by the day of the week, besides `slots`: `mon = ["09:00", "best"]`.
        week: RawWeek,
        /// What the planner keeps to on this account.
        plan: RawAccountPlan,
        /// Nothing is published while this is true.
        hold: bool = false,
        /// Pictures that are too wide or too high for the platform are cut, towards
        /// their focal point; else they are refused.
        crop: bool = false,
        /// How drafts become this account's words. Words that a draft has for it alone are
        /// taken as they are.
        words: RawWords,
        /// Ceilings that nothing passes.
        rails: RawRails,
        /// Whether a person lets its posts out: `none`, `optional` or `required`. Of the
        /// pillar's, the generator's and the accounts' the strictest counts. Posts by hand are
        /// asked about where it is `required`.
        approval: Approval = Approval::None.word(),
        /// How long before its due time a person should have answered; `0s`: at its due time.
        approval_deadline: Span<0, { 30 * DAY }> = ApprovalRule::DEADLINE,
        /// What becomes of a post without an answer by then: `publish`, `hold` or `cancel`.
        /// Else `publish` where approval is optional, and `hold` where it is required.
        on_deadline: OnDeadline,
        /// How its posts are measured; else as `[measure]` says.
        measure: RawAccountMeasure,
        /// No post for so long is an alarm, except on hold. Else never.
        quiet_after: Span<SECOND, { 366 * DAY }>,
        /// No numbers for so long are an alarm, except on hold. Else never.
        numbers_after: Span<SECOND, { 366 * DAY }>,
    }

    /// How drafts become this account's words.
    RawWords {
        /// A text that is too long becomes a thread, cut between sentences, where the
        /// platform has threads. Else it is refused.
        split: bool = false,
        /// The parts of such a thread get their numbers, as `(1/3)`.
        number: bool = false,
        /// Characters of one part, by the platform's count, where the account may have
        /// others than the plugin's manifest says.
        limit: Whole<20, 1_000_000>,
        /// Where hashtags stand: `usual` is the connector's own way; `text`: where their
        /// words are, the others at the end; `end`; `first-comment`; `drop`.
        hashtags: HashtagPlace = HashtagPlace::Usual.word(),
        /// Of the draft's hashtags, the first so many.
        most_hashtags: Whole<0, 1000>,
        /// Where the link stands: `usual` is the connector's own way; `text`; `card`, beside
        /// the text; `first-comment`.
        link: LinkPlace = LinkPlace::Usual.word(),
    }

    /// Ceilings that nothing passes.
    RawRails {
        /// Posts in any hour.
        per_hour: Whole<1, 100_000> = Rails::default().per_hour,
        /// Posts in any 24 hours.
        per_day: Whole<1, 1_000_000> = Rails::default().per_day,
        /// Between two posts.
        least_gap: Span<0, { 7 * DAY }> = Rails::default().least_gap,
        /// The same words and files are not published twice within this.
        duplicate_window: Span<0, { 3660 * DAY }> = Rails::default().duplicate_window,
        /// What was due longer ago than this is too late.
        missed_after: Span<SECOND, { 366 * DAY }> = Rails::default().missed_after,
        /// What becomes of what is too late: `miss` marks it as missed, `publish` sends
        /// it all the same, spaced out by `least_gap`.
        late: LatePolicy = Rails::default().late.word(),
    }

    /// A plugin that needs other than the usual.
    RawPlugin {
        /// As accounts and generators name it.
        name(required): PluginName,
        /// The component's file. Else `NAME.wasm` in `plugin_dir`.
        path: FilePath,
        /// The id of your app at the platform, where accounts are connected by
        /// `jarchi account auth`. May hold `${env:NAME}`, `${file:PATH}` and
        /// `${credential:NAME}`.
        client_id: SecretText,
        /// The app's secret. Write `${env:NAME}`, `${file:PATH}` or `${credential:NAME}`.
        client_secret: SecretText,
        /// The address that is registered for the app, to which the platform sends the
        /// browser back. Else a free port of `http://127.0.0.1`.
        redirect: CallbackAddress,
        /// Calls under way at once.
        concurrency: Whole<1, 256> = PluginConfig::CONCURRENCY,
        /// What one call may use.
        limits: RawLimits,
        /// What it may reach beyond the hosts that an account's own settings name.
        grant: Tables<RawGrant>,
    }

    /// What one call of a plugin may use.
    RawLimits {
        /// Linear memories, tables, and what the host holds for the call.
        memory: Size<MIB, { 4 * GIB }> = ByteSize(Limits::default().memory).to_string(),
        /// Running time of the plugin's own code.
        cpu: Span<1, { 60 * SECOND }> = Limits::default().cpu,
        /// From the call to its answer, waiting included.
        wall: Span<100, HOUR> = Limits::default().wall,
        /// HTTP requests.
        http_calls: Whole<0, 10_000> = Limits::default().http_calls,
        /// Of one HTTP answer.
        response: Size<KIB, GIB> = ByteSize(Limits::default().response).to_string(),
        /// Of log.
        log: Size<0, { 64 * MIB }> = ByteSize(Limits::default().log).to_string(),
        /// Of the plugin's own memory for one account, keys and values.
        kv: Size<0, GIB> = ByteSize(Limits::default().kv).to_string(),
        /// What the plugin may hand over to the host.
        output: Size<KIB, GIB> = ByteSize(Limits::default().output).to_string(),
        /// Of the files that a generator makes in one call.
        media: Size<0, { 4 * GIB }> = ByteSize(Limits::default().media).to_string(),
    }

    /// A host that a plugin may reach.
    RawGrant {
        /// As `api.example.org`, `*.example.org` or `127.0.0.1:3000`.
        host(required): HostPattern,
        /// Lets `http:` through, which anybody on the way can read.
        plain_http: bool = false,
        /// Lets loopback, private and link-local addresses through.
        private: bool = false,
        /// Why, for whoever reviews this.
        reason(required): String,
    }

    /// A source of content.
    RawGenerator {
        /// Its name everywhere else. Keep it: its posts go by it.
        name(required): Name,
        /// The plugin that does it, as `library`.
        plugin(required): PluginName,
        /// May be left out where there is one brand only.
        brand: String,
        /// Where its drafts go that name no account.
        accounts: Vec<Located<Name>>,
        /// The theme of its drafts that name none.
        pillar: String,
        /// Folders that it may read, by the name that the plugin knows.
        folders: Folders,
        /// The plugin's own settings (`jarchi plugin inspect` lists them). Strings may
        /// hold `${env:NAME}` and `${file:PATH}`.
        settings: Settings,
        /// Put into requests by the broker; the plugin never sees them. Write
        /// `${env:NAME}`, `${file:PATH}` or `${credential:NAME}`.
        secrets: Secrets,
        /// It is asked again when a file of its folders changes.
        watch: bool = true,
        /// Whether a person lets its posts out: `none`, `optional` or `required`. Of the
        /// pillar's, the generator's and the accounts' the strictest counts.
        approval: Approval = Approval::None.word(),
        /// How long before its due time a person should have answered; `0s`: at its due time.
        approval_deadline: Span<0, { 30 * DAY }> = ApprovalRule::DEADLINE,
        /// What becomes of a post without an answer by then: `publish`, `hold` or `cancel`.
        /// Else `publish` where approval is optional, and `hold` where it is required.
        on_deadline: OnDeadline,
    }

    /// When a generator is asked, numbers are collected, the days are planned, or the store
    /// is backed up. Exactly one of `generate`, `measure`, `run` and `backup`.
    RawSchedule {
        /// Its name in lists and logs.
        name(required): Name,
        /// 5 fields, 6 with seconds first, or `@hourly`, `@daily` and friends.
        cron(required): CronText,
        /// Else the brand's.
        time_zone: Tz,
        /// What becomes of the times that passed while the daemon could not run:
        /// `run-once` for all of them, `run-all` (at most the latest 100), `skip`.
        misfire: Misfire = Misfire::RunOnce.word(),
        /// The generator that is asked.
        generate: Name,
        /// `posts` or `accounts`.
        measure: Measured,
        /// Only this account is measured; else all.
        account: Name,
        /// `plan`: the free slots of the coming days are filled.
        run: RunWord,
        /// With `run = "plan"`: only this brand is planned; else all.
        brand: String,
        /// With `run = "plan"`: how many days.
        days: Whole<1, 366> = ScheduleConfig::DAYS,
        /// The folder that a backup is written into.
        backup: FilePath,
        /// Backups that stay in the folder, the newest.
        keep: Whole<1, 100_000> = ScheduleConfig::KEEP,
    }

    /// Whom to tell when something goes wrong. Exactly one of `webhook`, `email` and
    /// `account`.
    RawAlarm {
        /// Its name in lists and logs.
        name(required): Name,
        /// `warning` tells everything, `error` only what stops posts from going out.
        severity: Gravity = Gravity::Warning.word(),
        /// A POST of JSON goes to this address. It may hold `${env:NAME}`, `${file:PATH}`
        /// and `${credential:NAME}`, and is never shown.
        webhook: SecretAddress,
        /// Headers of the webhook by name, or the `password` of the mail server. Write
        /// `${env:NAME}`, `${file:PATH}` or `${credential:NAME}`.
        secrets: Secrets,
        /// Lets the webhook be `http:`, which anybody on the way can read.
        plain_http: bool = false,
        /// Lets the webhook be at a loopback, private or link-local address.
        private: bool = false,
        /// Mail goes to these addresses.
        email: Vec<Located<MailAddress>>,
        /// The sender.
        from: MailAddress,
        /// The mail server, as `smtp.example.org` or `smtp.example.org:2525`. The usual
        /// port goes by `security`: 587, 465, 25.
        server: MailServer,
        /// `starttls`, `tls` from the first byte, or `plain`, which anybody on the way can
        /// read.
        security: MailSecurity = MailSecurity::StartTls.word(),
        /// The login at the mail server; without it there is none.
        user: String,
        /// A certificate authority beside the system's, as a PEM file.
        ca: FilePath,
        /// A post goes out on this account, by its rails. What is wrong with the account
        /// itself is not told there.
        account: Name,
        /// Put before the post's text, as `@boss@social.example`.
        to: String,
        /// Who sees the post: `direct`, `followers`, `unlisted` or `public`.
        visibility: Visibility = Visibility::Direct.word(),
    }
}

/// The name of a section's item.
pub(super) trait Named {
    fn name(&self) -> Option<(&str, &super::Place)>;
}

macro_rules! named {
    ($($section:ident($text:ident),)*) => {$(
        impl Named for $section {
            fn name(&self) -> Option<(&str, &super::Place)> {
                let name = self.name.as_ref()?;
                Some((name.value.$text(), &name.place))
            }
        }
    )*};
}

named! {
    RawBrand(as_str),
    RawAccount(text),
    RawPlugin(text),
    RawGenerator(text),
    RawSchedule(text),
    RawAlarm(text),
}
