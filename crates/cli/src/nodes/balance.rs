//! When a gateway sends sockets away, and how many: when it holds far more than the others do on average.
//! Knows counts alone. Invariant: nobody is sent away below the mean, so sockets never go to and fro.

use backend_aws::Node;
use chat::{NodeId, TimestampMs};

use crate::limits::{
    NODE_SETTLED_MS, SHED_EVERY_MS, SHED_FROM_PER_MILLE, SHED_SLACK_SOCKETS, SHED_TO_PER_MILLE,
};

/// One gateway's part in keeping all of them equally full.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// It has begun to shed and goes on until it is near the mean.
    is_shedding: bool,
    shed_at: Option<TimestampMs>,
}

impl Balance {
    /// How many of a thousand of this node's `own` sockets to send away now, at most `per_mille_max`.
    pub(super) fn share(
        &mut self,
        now_ms: TimestampMs,
        (node, own): (NodeId, u64),
        living: &[Node],
        per_mille_max: u16,
    ) -> u16 {
        // Others' counts are of their last renewal: what was sent away before has to be seen there first.
        if self.shed_at.is_some_and(|at| at + SHED_EVERY_MS > now_ms) {
            return 0;
        }
        let Some(mean) = mean(now_ms, (node, own), living) else { return 0 };
        let part = |per_mille: u64| mean.saturating_mul(per_mille) / 1_000;
        if own > part(SHED_FROM_PER_MILLE) + SHED_SLACK_SOCKETS {
            self.is_shedding = true;
        } else if own <= part(SHED_TO_PER_MILLE) + 1 {
            self.is_shedding = false;
        }
        if !self.is_shedding || own == 0 {
            return 0;
        }
        let excess = own.saturating_sub(mean).saturating_mul(1_000).div_ceil(own);
        let share = u16::try_from(excess).unwrap_or(u16::MAX).min(per_mille_max);
        if share > 0 {
            self.shed_at = Some(now_ms);
        }
        share
    }
}

/// Sockets of each node on average, if there is another one to send any to. Nodes that leave take none, and load
/// balancers send few to those that have just begun.
fn mean(now_ms: TimestampMs, (node, own): (NodeId, u64), living: &[Node]) -> Option<u64> {
    let others = living.iter().filter(|other| {
        other.node != node && !other.leaving && begun_at(other.node) + NODE_SETTLED_MS <= now_ms
    });
    let (count, sockets) = others.fold((0, 0), |(count, sum), other| (count + 1, sum + other.sockets));
    (count > 0).then(|| (own + sockets) / (count + 1))
}

/// When a process began, milliseconds since 1970.
fn begun_at(node: NodeId) -> TimestampMs {
    u64::try_from(node.as_u128() >> 80).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_MILLE_MAX: u16 = 100;

    fn node(number: u8, sockets: u64) -> Node {
        Node { node: NodeId::new(0, &[number; 10]), address: None, sockets, leaving: false }
    }

    fn share_of(own: u64, others: &[u64]) -> u16 {
        let living: Vec<Node> =
            [&[own], others].concat().into_iter().zip(0..).map(|(s, n)| node(n, s)).collect();
        Balance::default().share(1_000_000, (living[0].node, own), &living, PER_MILLE_MAX)
    }

    #[test]
    fn who_is_alone_or_about_as_full_as_others_sheds_nothing() {
        assert_eq!(share_of(10_000, &[]), 0);
        assert_eq!(share_of(1_100, &[1_000, 900]), 0);
        assert_eq!(share_of(3, &[0, 0]), 0);
        assert_eq!(share_of(0, &[0, 5_000]), 0);
    }

    #[test]
    fn who_is_far_above_the_mean_sheds_a_bounded_share_and_not_below_the_mean() {
        assert_eq!(share_of(10_000, &[10_000, 0]), PER_MILLE_MAX, "a tenth at most at once");
        let living = [node(0, 2_000), node(1, 1_000)];
        let share = Balance::default().share(1_000_000, (living[0].node, 2_000), &living, 1_000);
        assert_eq!(share, 250, "500 of 2,000: down to the mean");
    }

    #[test]
    fn who_leaves_or_has_just_begun_is_nobody_to_send_sockets_to() {
        let own = node(0, 1_000);
        let leaving = Node { leaving: true, ..node(1, 0) };
        let new = Node { node: NodeId::new(1_000_000, &[2; 10]), ..node(2, 0) };
        for other in [leaving, new] {
            let living = [own.clone(), other];
            assert_eq!(Balance::default().share(1_000_000, (own.node, 1_000), &living, PER_MILLE_MAX), 0);
        }
    }

    /// Four nodes, then two more: counts come close, and then nobody moves any more. Those who come back go to the least
    /// full node, or to any, as load balancers do; counts of others are as old as a renewal.
    #[test]
    fn counts_come_close_and_then_nobody_is_sent_to_and_fro() {
        for to_least in [true, false] {
            let mut counts = vec![3_000_u64, 3_000, 3_000, 3_000, 0, 0];
            let mut balances: Vec<Balance> = counts.iter().map(|_| Balance::default()).collect();
            let (mut sent, mut last_sent, mut turn) = (0, 0, 0);
            for round in 1..200 {
                let now_ms = 1_000_000 + round * SHED_EVERY_MS;
                let living: Vec<Node> =
                    counts.iter().zip(0..).map(|(sockets, n)| node(n, *sockets)).collect();
                let shares: Vec<u64> = (0..counts.len())
                    .map(|at| {
                        let own = (living[at].node, counts[at]);
                        let share = balances[at].share(now_ms, own, &living, PER_MILLE_MAX);
                        counts[at] * u64::from(share) / 1_000
                    })
                    .collect();
                for (at, gone) in shares.into_iter().enumerate() {
                    counts[at] -= gone;
                    for _ in 0..gone {
                        turn += 1;
                        let least = (0..counts.len()).min_by_key(|at| counts[*at]).unwrap();
                        let to = if to_least { least } else { turn % counts.len() };
                        counts[to] += 1;
                        (sent, last_sent) = (sent + 1, round);
                    }
                }
            }
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(*most * 1_000 <= least * SHED_FROM_PER_MILLE + 1_000, "{counts:?}");
            assert!(last_sent < 100, "still sending in round {last_sent}");
            let needed = 2 * 2_000;
            let enough = if to_least { needed * 21 / 20 } else { needed * 4 };
            assert!(sent <= enough, "{sent} sent where {needed} would do");
        }
    }
}
