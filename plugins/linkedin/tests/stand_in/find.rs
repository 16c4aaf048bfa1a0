//! Lost answers, duplicates and ghosts: exactly one post in the books.

use jarchi_platforms::{Answer, Trouble};
use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_linkedin::publish::State;
use jarchi_plugin_sdk::{Delivery, Error, Finding, Outcome, Post, Publisher, testing};

use crate::*;

fn lost(stage: &Stage<Platform>, delivery: &Delivery, state: Option<State>) -> Finding {
    let since = delivery.created_at;
    stage.no_trouble();
    LinkedIn::find_published(delivery, state, since).expect("told")
}

#[test]
fn a_lost_answer_is_found_on_the_platform() {
    for answer in [Trouble::LoseAnswer, Trouble::After(Answer::empty(502))] {
        let stage = stage();
        for text in ["Başqa", "Salam (dünya) #çay"] {
            stage
                .publish::<LinkedIn>(&delivery(Post::text(text)))
                .expect("published");
            stage.host.advance(HOUR);
        }
        let delivery = delivery(Post::text("Salam (dünya) #çay, yenə"));
        stage.trouble_once("POST", "/rest/posts", answer);
        let refused = LinkedIn::publish(&delivery);
        assert!(
            matches!(refused, Err(Error::UnknownOutcome(_))),
            "{refused:?}"
        );
        let found = lost(&stage, &delivery, None);
        let Finding::Found(receipt) = found else {
            panic!("{found:?}")
        };
        assert_eq!(receipt.id, stage.platform.borrow().posts[2].urn);
    }
}

#[test]
fn what_never_arrived_is_absent() {
    let stage = stage();
    let delivery = delivery(Post::text("Salam"));
    stage.trouble_once("POST", "/rest/posts", Trouble::Instead(Answer::empty(503)));
    assert!(matches!(
        LinkedIn::publish(&delivery),
        Err(Error::UnknownOutcome(_))
    ));
    assert_eq!(lost(&stage, &delivery, None), Finding::Absent);
    stage.publish::<LinkedIn>(&delivery).expect("published");
    assert_eq!(stage.platform.borrow().posts.len(), 1);
}

#[test]
fn an_older_post_of_the_same_words_is_another() {
    let stage = stage();
    stage
        .publish::<LinkedIn>(&delivery(Post::text("Salam")))
        .expect("published");
    stage.host.advance(48 * HOUR);
    let delivery = delivery(Post::text("Salam"));
    assert_eq!(lost(&stage, &delivery, None), Finding::Absent);
}

#[test]
fn without_the_scope_nobody_can_tell() {
    let stage = stage();
    stage
        .platform
        .borrow_mut()
        .scopes
        .remove("r_organization_social");
    let delivery = delivery(Post::text("Salam"));
    let finding = lost(&stage, &delivery, None);
    let Finding::CannotTell(reason) = finding else {
        panic!("{finding:?}")
    };
    assert!(reason.contains("r_organization_social"), "{reason}");
}

#[test]
fn an_upload_publishes_nothing() {
    let stage = stage();
    let delivery = delivery(Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("Salam")
    });
    let Ok(Outcome::Processing(progress)) = LinkedIn::publish(&delivery) else {
        panic!("no step")
    };
    stage.requests();
    let state = serde_json::from_str(&progress.state).expect("its own state");
    assert_eq!(lost(&stage, &delivery, Some(state)), Finding::Absent);
    assert!(stage.requests().is_empty(), "nothing is asked");
}

#[test]
fn a_post_is_known_by_its_files() {
    let stage = stage();
    let post = Post {
        media: vec![picture(&stage, "a.png"), picture(&stage, "b.png")],
        ..Post::text("Salam")
    };
    let mut outcome = LinkedIn::publish(&delivery(post.clone())).expect("begun");
    let delivery = delivery(post);
    stage.trouble_once("POST", "/rest/posts", Trouble::LoseAnswer);
    let state = loop {
        let Outcome::Processing(progress) = outcome else {
            panic!("{outcome:?}")
        };
        stage.host.advance(progress.after);
        let state: State = serde_json::from_str(&progress.state).expect("its own state");
        match LinkedIn::resume(&delivery, state.clone()) {
            Ok(next) => outcome = next,
            Err(Error::UnknownOutcome(_)) => {
                break serde_json::from_str(&progress.state).expect("state");
            }
            Err(error) => panic!("{error:?}"),
        }
    };
    // The state of the step that published was written before its files were looked at.
    let found = lost(&stage, &delivery, Some(state));
    assert_eq!(stage.platform.borrow().posts.len(), 1);
    let Finding::Found(receipt) = found else {
        panic!("{found:?}")
    };
    assert_eq!(receipt.id, stage.platform.borrow().posts[0].urn);
}

#[test]
fn a_lost_first_comment() {
    for (trouble, there) in [
        (Trouble::LoseAnswer, true),
        (Trouble::Instead(Answer::empty(500)), false),
    ] {
        let stage = stage();
        let delivery = delivery(commented("Salam", "Ünvan: Nizami 5"));
        let Ok(Outcome::Processing(progress)) = LinkedIn::publish(&delivery) else {
            panic!("no step")
        };
        stage.trouble_once("POST", "/comments", trouble);
        let state = || serde_json::from_str::<State>(&progress.state).expect("its own state");
        assert!(matches!(
            LinkedIn::resume(&delivery, state()),
            Err(Error::UnknownOutcome(_))
        ));
        let found = lost(&stage, &delivery, Some(state()));
        if there {
            let Finding::Found(receipt) = found else {
                panic!("{found:?}")
            };
            assert_eq!(
                receipt.parts,
                [stage.platform.borrow().comments[0].urn.clone()]
            );
        } else {
            assert_eq!(found, Finding::Absent);
            let outcome = LinkedIn::resume(&delivery, state()).expect("published");
            assert!(matches!(outcome, Outcome::Published(_)));
        }
        assert_eq!(stage.platform.borrow().comments.len(), 1);
        assert_eq!(stage.platform.borrow().posts.len(), 1);
    }
}

#[test]
fn a_lost_post_with_a_first_comment_is_partly_there() {
    let stage = stage();
    let delivery = delivery(commented("Salam", "Ünvan"));
    stage.trouble_once("POST", "/rest/posts", Trouble::LoseAnswer);
    assert!(LinkedIn::publish(&delivery).is_err());
    let found = lost(&stage, &delivery, None);
    let Finding::Partial(progress) = found else {
        panic!("{found:?}")
    };
    assert!(progress.visible);
    stage
        .go_on::<LinkedIn>(&delivery, progress.into())
        .expect("published");
    let books = stage.platform.borrow();
    assert_eq!((books.posts.len(), books.comments.len()), (1, 1));
}

#[test]
fn a_duplicate_of_ones_own_attempt_is_a_success() {
    let stage = stage();
    let delivery = delivery(Post::text("Salam"));
    stage.trouble_once("POST", "/rest/posts", Trouble::LoseAnswer);
    assert!(LinkedIn::publish(&delivery).is_err());
    stage.no_trouble();
    // A person had it sent again.
    let receipt = stage.publish::<LinkedIn>(&delivery).expect("it is there");
    let books = stage.platform.borrow();
    assert_eq!(books.posts.len(), 1);
    assert_eq!(receipt.id, books.posts[0].urn);
}

#[test]
fn duplicates_of_something_else() {
    // Of an older post of one's own.
    let stage = stage();
    stage
        .publish::<LinkedIn>(&delivery(Post::text("Salam")))
        .expect("published");
    stage.host.advance(HOUR);
    let refused = LinkedIn::publish(&delivery(Post::text("Salam")));
    let Err(Error::Invalid(reason)) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("It is older"), "{reason}");
    // Of a ghost: nothing is there.
    stage
        .platform
        .borrow_mut()
        .ghosts
        .insert("Buu".into(), "urn:li:share:4242".into());
    let refused = LinkedIn::publish(&delivery(Post::text("Buu")));
    let Err(Error::Invalid(reason)) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("not there"), "{reason}");
    assert_eq!(stage.platform.borrow().posts.len(), 1);
}

#[test]
fn a_duplicate_that_can_not_be_read() {
    let stage = stage();
    stage.platform.borrow_mut().scopes.remove("r_member_social");
    let mut delivery = testing::delivery(&member(), Post::text("Salam"));
    stage.trouble_once("POST", "/rest/posts", Trouble::LoseAnswer);
    assert!(LinkedIn::publish(&delivery).is_err());
    stage.no_trouble();
    delivery.attempt = 2;
    let refused = LinkedIn::publish(&delivery);
    assert!(
        matches!(refused, Err(Error::UnknownOutcome(_))),
        "{refused:?}"
    );
    // The first attempt can't have published it.
    delivery.attempt = 1;
    assert!(matches!(
        LinkedIn::publish(&delivery),
        Err(Error::Invalid(_))
    ));
    assert_eq!(stage.platform.borrow().posts.len(), 1);
}
