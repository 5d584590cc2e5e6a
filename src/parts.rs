//! Work on many things that are alike, by all processors: of ten thousand partners that is much of what a start takes.
//!
//! Few things are worked on where they are, since a thread costs more than they do.

use std::panic::resume_unwind;

/// So many are not worth a thread.
const FEW: usize = 256;

/// What `work` makes of each part of `all`, in their order. It blocks until all of it is done.
pub fn in_parts<T: Sync, R: Send>(all: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if all.len() <= FEW || threads == 1 {
        return vec![work(all)];
    }
    std::thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> =
            all.chunks(all.len().div_ceil(threads).max(FEW)).map(|part| scope.spawn(move || work(part))).collect();
        parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_is_worked_on_once_and_in_order(number in 0..4 * FEW) {
            let all: Vec<usize> = (0..number).collect();
            prop_assert_eq!(in_parts(&all, <[usize]>::to_vec).concat(), all);
        }
    }

    #[test]
    #[should_panic(expected = "of one part")]
    fn a_panic_of_one_part_is_that_of_the_whole() {
        let all: Vec<usize> = (0..4 * FEW).collect();
        in_parts(&all, |part| assert!(!part.contains(&(3 * FEW)), "of one part"));
    }
}
