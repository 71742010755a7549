//! One small exchange when plans are made: are all ranks about to do the same, and is the vocabulary complete?

use std::collections::BTreeMap;
use std::time::Duration;

use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;

use crate::alike::Item;
use crate::error::{Error, Result};
use crate::exchange::{enter, gather};

/// How many times as long as in a step ranks wait for each other when plans are made: drivers compile meanwhile, on one
/// rank from a cache and on another anew.
const PATIENCE: u32 = 10;

/// A communicator of the same ranks for exchanges of this crate, once all have come for it, and how long they wait for
/// each other while plans are made.
pub(crate) fn gathered<C: Communicator>(comm: &C, limit: Duration) -> (SimpleCommunicator, Duration) {
    let patience = limit.saturating_mul(PATIENCE);
    // MPI's duplicate waits without end.
    enter(comm, patience);
    (comm.duplicate(), patience)
}

/// A rank's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Classes {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// Words that a rank hands over: whether it fails, its classes, and its items. Of one size in all versions of this
/// crate.
const WORDS: usize = 64;
const ITEMS_AT: usize = 4;

/// Makes sure that the ranks agree: the same error everywhere if they do not.
///
/// `ours` is what this rank is about to do, or why it cannot; on the other ranks its error is [`Error::Elsewhere`].
pub(crate) fn agree(
    comm: &SimpleCommunicator,
    limit: Duration,
    ours: Result<(Vec<Item>, Classes, u64)>,
) -> Result<Vec<Classes>> {
    let mut words = [0; WORDS];
    let mut names: Vec<Item> = Vec::new();
    words[0] = u64::from(ours.is_err());
    if let Ok((items, classes, vocabulary)) = &ours {
        [words[1], words[2], words[3]] = [classes.first, classes.count, *vocabulary];
        items.iter().zip(&mut words[ITEMS_AT..]).for_each(|(item, word)| *word = item.value);
        names.clone_from(items);
    }
    let all = gather(comm, limit, &words);
    let ranks: Vec<&[u64]> = all.chunks_exact(WORDS).collect();
    let (_, _, vocabulary) = ours?;
    elsewhere(ranks.iter().map(|words| words[0] != 0), "checking its shapes and options")?;
    compare("the number of classes in all", ranks.iter().map(|words| words[3]), |count| count.to_string())?;
    for (at, item) in names.iter().enumerate() {
        compare(item.what, ranks.iter().map(|words| words[ITEMS_AT + at]), item.show)?;
    }
    let shards: Vec<Classes> = ranks.iter().map(|words| Classes { first: words[1], count: words[2] }).collect();
    complete(&shards, vocabulary)?;
    Ok(shards)
}

/// Makes sure that one thing is alike on all ranks.
pub(crate) fn same(comm: &SimpleCommunicator, limit: Duration, item: Item) -> Result<()> {
    compare(item.what, gather(comm, limit, &[item.value]).into_iter(), item.show)
}

/// Tells all ranks whether one failed meanwhile. Its own error stays this rank's.
pub(crate) fn together<T>(
    comm: &SimpleCommunicator,
    limit: Duration,
    during: &'static str,
    ours: Result<T>,
) -> Result<T> {
    let failed = gather(comm, limit, &[u64::from(ours.is_err())]);
    let ours = ours?;
    elsewhere(failed.iter().map(|failed| *failed != 0), during)?;
    Ok(ours)
}

fn elsewhere(failed: impl Iterator<Item = bool>, during: &'static str) -> Result<()> {
    match failed.enumerate().find(|(_, failed)| *failed) {
        Some((rank, _)) => Err(Error::Elsewhere { rank, during }),
        None => Ok(()),
    }
}

fn compare(what: &'static str, values: impl Iterator<Item = u64>, show: fn(u64) -> String) -> Result<()> {
    let mut alike: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    values.enumerate().for_each(|(rank, value)| alike.entry(value).or_default().push(rank));
    if alike.len() < 2 {
        return Ok(());
    }
    let group = |(value, ranks): (&u64, &Vec<usize>)| format!("{} on {}", show(*value), named(ranks));
    Err(Error::Differs { what, values: alike.iter().map(group).collect::<Vec<_>>().join("; ") })
}

/// Ranks in words, the first few of many.
fn named(ranks: &[usize]) -> String {
    const MOST: usize = 6;
    let first = ranks.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if ranks.len() > MOST { format!(" and {} more", ranks.len() - MOST) } else { String::new() };
    format!("rank{} {first}{more}", if ranks.len() == 1 { "" } else { "s" })
}

/// Whether the shards hold every class once.
fn complete(shards: &[Classes], vocabulary: u64) -> Result<()> {
    let mut order: Vec<usize> = (0..shards.len()).collect();
    order.sort_by_key(|rank| (shards[*rank].first, shards[*rank].count));
    let mut end = 0_u64;
    let mut before: Option<usize> = None;
    let refuse = |problem: String| Err(Error::Shards { problem });
    for rank in order {
        let Classes { first, count } = shards[rank];
        match before {
            Some(other) if first < end => {
                let shared = first..end.min(first.saturating_add(count));
                return refuse(format!("classes {shared:?} are held by both rank {other} and rank {rank}"));
            }
            _ if first > end => return refuse(format!("classes {end}..{first} are held by no rank")),
            _ => {}
        }
        (end, before) = (first.saturating_add(count), Some(rank));
    }
    match end.cmp(&vocabulary) {
        std::cmp::Ordering::Less => refuse(format!("classes {end}..{vocabulary} are held by no rank")),
        std::cmp::Ordering::Greater => refuse(format!("classes {vocabulary}..{end} are outside the vocabulary")),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// As many ranks as this communicator has.
pub(crate) fn ranks(comm: &SimpleCommunicator) -> usize {
    usize::try_from(comm.size()).unwrap_or(1)
}

/// This process among them.
pub(crate) fn rank(comm: &SimpleCommunicator) -> usize {
    usize::try_from(comm.rank()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shards: &[(u64, u64)], vocabulary: u64) -> String {
        let shards: Vec<Classes> =
            shards.iter().map(|(first, count)| Classes { first: *first, count: *count }).collect();
        complete(&shards, vocabulary).err().map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn a_vocabulary_is_complete_if_every_class_is_held_once() {
        assert_eq!(of(&[(0, 10)], 10), "");
        assert_eq!(of(&[(0, 3), (3, 1), (4, 6)], 10), "");
        assert_eq!(of(&[(4, 6), (0, 4)], 10), "");
        assert_eq!(of(&[(0, 4), (5, 5)], 10), "classes 4..5 are held by no rank");
        assert_eq!(of(&[(1, 9)], 10), "classes 0..1 are held by no rank");
        assert_eq!(of(&[(0, 4), (4, 5)], 10), "classes 9..10 are held by no rank");
        assert_eq!(of(&[(0, 6), (4, 6)], 10), "classes 4..6 are held by both rank 0 and rank 1");
        assert_eq!(of(&[(0, 6), (6, 6)], 10), "classes 10..12 are outside the vocabulary");
    }

    #[test]
    fn what_differs_is_told_with_the_ranks_that_have_it() {
        let error = compare("n", [4, 4, 8, 4].into_iter(), |n| n.to_string()).expect_err("they differ");
        assert_eq!(error.to_string(), "n differs between the ranks: 4 on ranks 0, 1, 3; 8 on rank 2");
        assert!(compare("n", [4, 4].into_iter(), |n| n.to_string()).is_ok());
    }
}
