/**
 * Recent measurements of the server, and rates from its counters.
 * Pure: a bounded list in, a bounded list out.
 */
import type { AdminHealth } from "../../sync/api";

export const SAMPLES_MAX = 150;

export interface Sample {
  readonly atMs: number;
  readonly health: AdminHealth;
}

/** Adds a sample; begins anew when the server was started again in between. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  const before = last === undefined || last.health.startedAt === sample.health.startedAt ? samples : [];
  return [...before, sample].slice(-SAMPLES_MAX);
}

/** How much a counter grew a second, between each two samples. */
export function ratesOf(samples: readonly Sample[], counter: keyof AdminHealth["totals"]): readonly number[] {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index];
    if (before === undefined) return 0;
    const grown = sample.health.totals[counter] - before.health.totals[counter];
    const seconds = (sample.atMs - before.atMs) / 1000;
    return seconds > 0 ? Math.max(0, grown / seconds) : 0;
  });
}

/** What was measured in each sample; samples that lack it are left out. */
export function valuesOf(samples: readonly Sample[], pick: (health: AdminHealth) => number | undefined): readonly number[] {
  return samples.flatMap((sample) => pick(sample.health) ?? []);
}
