/** Charts: bounded, and right about rates. */
import { describe, expect, it } from "vitest";
import type { AdminHealth } from "../../sync/api";
import { pointsOf } from "../../ui/Sparkline";
import { SAMPLES_MAX, ratesOf, withSample } from "./samples";
import type { Sample } from "./samples";

const none = { connections: 0, accepted: 0, rejected: 0, stored: 0, delivered: 0, slowDown: 0, dropped: 0, deadLetters: 0, requests: 0 };
const queue = { depth: 0, ageMs: 0, deadLetters: 0 };

function sample(atMs: number, accepted: number, startedAt = "2026-01-31T09:00:00.000Z"): Sample {
  const health: AdminHealth = {
    version: "1",
    startedAt,
    uptimeMs: atMs,
    epoch: "e",
    connections: 1,
    queues: { messages: queue, notifications: queue },
    totals: { ...none, accepted },
    latencies: {},
    memoryBytes: 0,
    storeBytes: 0,
    journalBytes: 0,
  };
  return { atMs, health };
}

describe("samples", () => {
  it("give rates a second", () => {
    expect(ratesOf([sample(0, 0), sample(2000, 100), sample(4000, 100)], "accepted")).toEqual([50, 0]);
    expect(ratesOf([sample(0, 5), sample(0, 9)], "accepted")).toEqual([0]);
    expect(ratesOf([sample(0, 0), sample(1000, 1)], "stored")).toEqual([0]);
  });

  it("are bounded, and begin anew with the server", () => {
    let samples: readonly Sample[] = [];
    for (let index = 0; index < SAMPLES_MAX + 9; index += 1) samples = withSample(samples, sample(index, index));
    expect(samples).toHaveLength(SAMPLES_MAX);
    expect(withSample(samples, sample(1, 1, "2026-01-31T10:00:00.000Z"))).toHaveLength(1);
  });
});

describe("a line", () => {
  it("ends at the right, and stays inside", () => {
    const points = pointsOf([0, 5, 10], 60);
    expect(points.at(-1)?.x).toBe(240);
    for (const { x, y } of points) {
      expect(x).toBeGreaterThan(0);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(56);
    }
    expect(pointsOf([], 60)).toEqual([]);
    expect(pointsOf([0, 0], 60).every(({ y }) => Number.isFinite(y))).toBe(true);
  });
});
