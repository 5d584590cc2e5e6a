//! The time that a request has: first to be written, then to be answered; an answer may come before it is through.
//!
//! One timer does for both, and it is the connection's: when it fires, it is looked how far the request has come. So nobody
//! is woken only to be told that a request was written, and a timer that is set further costs no lock.

use std::pin::{Pin, pin};

use tokio::time::{Instant, Sleep};

use super::paced::Written;
use crate::transport::Timeouts;

/// The time of one request.
pub struct Clock<'a> {
    timer: Pin<&'a mut Sleep>,
    written: &'a Written,
    timeouts: &'a Timeouts,
    began: Instant,
}

/// What took too long.
#[derive(Debug, PartialEq, Eq)]
pub enum Late {
    Writing,
    Answering,
}

impl<'a> Clock<'a> {
    /// For a request that begins now.
    pub fn start(mut timer: Pin<&'a mut Sleep>, written: &'a Written, timeouts: &'a Timeouts, began: Instant) -> Self {
        timer.as_mut().reset(began + timeouts.write.min(timeouts.answer));
        Self { timer, written, timeouts, began }
    }

    /// Where it is noted when the request is through.
    pub fn written(&self) -> &'a Written {
        self.written
    }

    pub fn is_through(&self) -> bool {
        self.written.at().is_some()
    }

    /// What took too long, in a sentence.
    pub fn told(&self, late: &Late) -> String {
        match late {
            Late::Writing => format!("the request could not be written within {:?}", self.timeouts.write),
            Late::Answering => format!("no answer within {:?}", self.timeouts.answer),
        }
    }

    /// What `wanted` comes to, if it does in time.
    pub async fn within<F: Future>(&mut self, wanted: F) -> Result<F::Output, Late> {
        let mut wanted = pin!(wanted);
        loop {
            tokio::select! {
                biased;
                output = &mut wanted => return Ok(output),
                () = self.timer.as_mut() => {}
            }
            let now = Instant::now();
            let next = match self.written.at() {
                Some(at) => at + self.timeouts.answer,
                None if now < self.began + self.timeouts.write => {
                    // If it is through right after this look, its time to answer is not over before the next one.
                    (self.began + self.timeouts.write).min(now + self.timeouts.answer)
                }
                None => return Err(Late::Writing),
            };
            if next <= now {
                return Err(Late::Answering);
            }
            self.timer.as_mut().reset(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::BodyExt;
    use tokio::time::{sleep, sleep_until};

    use super::*;
    use crate::transport::client::Paced;

    /// What becomes of a request that is through and answered at these times, in milliseconds, and when.
    async fn ends(timeouts: Timeouts, through: u64, answered: u64) -> (Result<(), Late>, u64) {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let written = Written::new();
        let mut body = Paced::new(Bytes::from_static(b"x"), &written, began);
        let wanted = async {
            if through < answered {
                sleep_until(at(through)).await;
                let _ = body.frame().await;
            }
            sleep_until(at(answered)).await;
        };
        let timer = pin!(sleep(Duration::ZERO));
        let mut clock = Clock::start(timer, &written, &timeouts, began);
        let ended = clock.within(wanted).await;
        (ended, u64::try_from(began.elapsed().as_millis()).unwrap())
    }

    /// The time to answer begins when the request is through, and each has all of its time and no more.
    #[tokio::test(start_paused = true)]
    async fn the_time_to_write_and_the_time_to_answer_are_two() {
        const TIMES: [u64; 7] = [7, 140, 290, 610, 1_150, 1_900, 5_300];
        for (write, answer) in [(300, 300), (300, 1_000), (1_000, 300), (1_000, 90), (90, 1_000)] {
            let millis = Duration::from_millis;
            let timeouts = Timeouts { connect: millis(1), write: millis(write), answer: millis(answer) };
            for through in TIMES {
                for answered in TIMES.map(|time| time + 3) {
                    // An answer that comes while the request is being written is one.
                    let is_through = through < answered && through < write;
                    let end = if is_through { through + answer } else { write };
                    let expected = match answered < end {
                        true => (Ok(()), answered),
                        false if is_through => (Err(Late::Answering), end),
                        false => (Err(Late::Writing), end),
                    };
                    let ended = ends(timeouts, through, answered).await;
                    assert_eq!(
                        ended, expected,
                        "write {write}, answer {answer}, through {through}, answered {answered}"
                    );
                }
            }
        }
    }
}
