//! What a broker's answers mean for a message. `tests/amqp_push.rs` has a real one.

use lapin::protocol::{AMQPError, AMQPHardError, AMQPSoftError};

use super::*;

fn deferred() -> Class {
    Class::Deferred { retry_after: None, maybe_document: false }
}

fn protocol(error: AMQPError) -> Error {
    ErrorKind::ProtocolError(error).into()
}

/// What comes of a message when its confirmation failed like this.
fn outcome(failed: Failed) -> Class {
    match failed {
        Failed::NotBegun(_) => deferred(),
        Failed::Answered(why) => answered(why, "wire").class,
        Failed::Unknown(_) => Class::Unknown { retry_after: None },
    }
}

#[test]
fn a_broker_that_says_no_has_not_taken_it_and_one_that_falls_silent_may_have() {
    let no = |error: AMQPSoftError| outcome(Failed::later(protocol(AMQPError::new(error.into(), "no".into()))));
    assert_eq!(no(AMQPSoftError::NOTFOUND), deferred());
    assert_eq!(no(AMQPSoftError::ACCESSREFUSED), deferred());
    assert_eq!(no(AMQPSoftError::PRECONDITIONFAILED), Class::Refused);
    let closed = AMQPError::new(AMQPHardError::CONNECTIONFORCED.into(), "bye".into());
    assert_eq!(outcome(Failed::later(protocol(closed))), Class::Unknown { retry_after: None });
    let reset = || Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert_eq!(outcome(Failed::later(reset())), Class::Unknown { retry_after: None });
    assert_eq!(outcome(Failed::at_once(reset())), Class::Unknown { retry_after: None });
    // The library looked before it wrote.
    assert_eq!(outcome(Failed::at_once(ErrorKind::InvalidChannel(1).into())), deferred());
}

#[test]
fn what_is_confirmed_and_was_not_returned_is_delivered() {
    assert_eq!(judge(Confirmation::Ack(None), "wire", "a").class, Class::Delivered);
    assert_eq!(judge(Confirmation::Nack(None), "wire", "a").class, deferred());
    assert_eq!(judge(Confirmation::NotRequested, "wire", "a").class, Class::Unknown { retry_after: None });
    insta::assert_snapshot!(answered((404, "no exchange".to_owned()), "wire").detail, @r#"no exchange; check exchange ("wire"), or have the broker's operator make it"#);
}
