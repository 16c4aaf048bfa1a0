//! A platform in memory, and a connector to it that can be made to fail in every way that
//! the state machine tells apart.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use jarchi::model::{Fault, Id, Metric, Problem, Progress, Receipt, Severity, TimeSpan, Timestamp};
use jarchi::publish::{
    Answer, Answering, Call, Connector, Connectors, Finding, Measured, Outcome, Promise,
    Unavailable,
};

/// Characters.
pub const LONGEST: usize = 300;

/// What the next call does.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The platform takes the part and says so.
    Take,
    /// The platform takes the part, and the answer is lost.
    TakeAndLose,
    /// Nothing arrives, and the caller does not know.
    Lose,
    /// The platform takes the part, and the daemon dies before the answer.
    TakeAndDie,
    /// The daemon dies before anything is sent.
    Die,
    Fail(Fault),
    /// A call that breaks off by itself after it has sent something.
    BreakOff,
}

#[derive(Debug, Default)]
pub struct Book {
    /// Parts that are there, by delivery key and number, in the order in which they came.
    pub parts: Vec<(String, usize)>,
    /// Of the first parts, as they were given.
    pub texts: Vec<String>,
    pub turns: VecDeque<Turn>,
    pub looks: VecDeque<Fault>,
    pub calls: usize,
    pub lookups: usize,
    /// The daemon has died in a call.
    pub dead: bool,
}

#[derive(Clone)]
pub struct Platform {
    pub promise: Promise,
    /// The platform knows a key that it has seen.
    pub honours_keys: bool,
    book: Arc<Mutex<Book>>,
}

impl Platform {
    pub fn new(promise: Promise, honours_keys: bool) -> Self {
        Platform {
            promise,
            honours_keys,
            book: Arc::default(),
        }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic while it is held")
    }

    pub fn script(&self, turns: impl IntoIterator<Item = Turn>) {
        self.book().turns.extend(turns);
    }

    fn take(&self, key: &str, part: usize) {
        let mut book = self.book();
        let known = book.parts.iter().any(|(k, p)| k == key && *p == part);
        if !(known && self.honours_keys) {
            book.parts.push((key.to_owned(), part));
        }
    }

    /// Publishes part `part` of a call's post.
    async fn step(&self, call: Call, part: usize) -> Answer<Outcome> {
        let key = call.delivery.key.to_string();
        if part == 0 {
            self.book().texts.push(call.draft.text.clone());
        }
        // A thread has a part for each of its own and one for the post itself.
        let parts = call.draft.thread.len() + 1;
        let turn = {
            let mut book = self.book();
            book.calls += 1;
            book.turns.pop_front().unwrap_or(Turn::Take)
        };
        let unknown = || Answer {
            result: Err(Fault::UnknownOutcome("no answer".to_owned())),
            sent: true,
            requests: 1,
        };
        match turn {
            Turn::Take => {
                self.take(&key, part);
                Answer {
                    result: Ok(done(&key, part + 1, parts)),
                    sent: true,
                    requests: 1,
                }
            }
            Turn::TakeAndLose => {
                self.take(&key, part);
                unknown()
            }
            Turn::Lose => unknown(),
            Turn::TakeAndDie => {
                self.take(&key, part);
                self.book().dead = true;
                std::future::pending().await
            }
            Turn::Die => {
                self.book().dead = true;
                std::future::pending().await
            }
            Turn::Fail(fault) => Answer {
                result: Err(fault),
                sent: false,
                requests: 1,
            },
            Turn::BreakOff => {
                self.take(&key, part);
                Answer {
                    result: Err(Fault::Transient("out of time".to_owned())),
                    sent: true,
                    requests: 1,
                }
            }
        }
    }

    fn find(&self, call: &Call) -> Answer<Finding> {
        let key = call.delivery.key.to_string();
        let mut book = self.book();
        book.lookups += 1;
        if let Some(fault) = book.looks.pop_front() {
            return Answer {
                result: Err(fault),
                sent: false,
                requests: 1,
            };
        }
        let there = book.parts.iter().filter(|(k, _)| *k == key).count();
        let parts = call.draft.thread.len() + 1;
        let finding = match there {
            0 if self.promise.may_look_up => Finding::CannotTell("it is not seen".to_owned()),
            0 => Finding::Absent,
            _ => match done(&key, there, parts) {
                Outcome::Published(receipt) => Finding::Found(receipt),
                Outcome::Processing(progress, after) => {
                    let known = call
                        .delivery
                        .progress
                        .as_ref()
                        .map_or(0, |progress| progress.state.parse().unwrap_or(0));
                    if known == there {
                        Finding::Absent
                    } else {
                        Finding::Partial(progress, after)
                    }
                }
            },
        };
        Answer {
            result: Ok(finding),
            sent: false,
            requests: 1,
        }
    }
}

fn done(key: &str, there: usize, parts: usize) -> Outcome {
    if there == parts {
        Outcome::Published(Receipt {
            id: key.to_owned(),
            url: Some(format!("https://platform.example/{key}")),
            published_at: None,
            parts: Vec::new(),
            data: None,
        })
    } else {
        Outcome::Processing(
            Progress {
                state: there.to_string(),
                note: format!("{there} of {parts} parts published"),
                visible: true,
            },
            TimeSpan::ZERO,
        )
    }
}

impl Connector for Platform {
    fn promise(&self) -> Promise {
        self.promise
    }

    fn validate(&self, draft: jarchi::model::Draft) -> Answering<'_, Vec<Problem>> {
        Box::pin(async move {
            let length = draft.text.chars().count();
            let refused = (length > LONGEST).then(|| Problem {
                severity: Severity::Error,
                place: "text".to_owned(),
                message: format!("{length} characters; the platform takes {LONGEST}"),
            });
            Answer {
                result: Ok(refused.into_iter().collect()),
                sent: false,
                requests: 1,
            }
        })
    }

    fn prepare(&self, draft: jarchi::model::Draft) -> jarchi::publish::Preparation<'_> {
        Box::pin(async { Ok(draft) })
    }

    fn publish(&self, call: Call) -> Answering<'_, Outcome> {
        Box::pin(self.step(call, 0))
    }

    fn resume(&self, call: Call, state: String) -> Answering<'_, Outcome> {
        let part = state.parse().expect("its own state");
        Box::pin(self.step(call, part))
    }

    fn find_published(
        &self,
        call: Call,
        _: Option<String>,
        _: Timestamp,
    ) -> Answering<'_, Finding> {
        Box::pin(async move { self.find(&call) })
    }

    fn delete(&self, _: Receipt) -> Answering<'_, ()> {
        Box::pin(async {
            Answer {
                result: Ok(()),
                sent: true,
                requests: 1,
            }
        })
    }

    fn measure_posts(&self, receipts: Vec<(Id, Receipt)>) -> Answering<'_, Vec<Measured>> {
        Box::pin(async move {
            let measured = receipts
                .into_iter()
                .map(|(delivery, _)| Measured {
                    delivery,
                    metrics: vec![Metric {
                        measure: jarchi::model::Measure::Likes,
                        value: 3,
                    }],
                    gone: false,
                })
                .collect();
            Answer {
                result: Ok(measured),
                sent: false,
                requests: 1,
            }
        })
    }

    fn measure_account(&self) -> Answering<'_, Vec<Metric>> {
        Box::pin(async {
            Answer {
                result: Ok(Vec::new()),
                sent: false,
                requests: 1,
            }
        })
    }
}

impl Connectors for Platform {
    fn connector(&self, _: &str) -> Result<Arc<dyn Connector>, Unavailable> {
        Ok(Arc::new(self.clone()))
    }
}
