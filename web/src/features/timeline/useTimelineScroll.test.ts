/** A timeline that grows at both ends is drawn one end after the other, so that the reader's place can be kept. */
import { describe, expect, it } from "vitest";
import type { TimelineItem } from "../../sync/api";
import { stepTo } from "./useTimelineScroll";

const items = ([from, to]: readonly [number, number]): readonly TimelineItem[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ type: "notice", key: `${from + index}`, seq: from + index }) as TimelineItem);
const keys = (list: readonly TimelineItem[]) => list.map((item) => Number(item.key));

describe("a step", () => {
  it.each([
    ["a page above alone", [10, 20], [5, 20], [5, 20]],
    ["a message below alone", [10, 20], [10, 21], [10, 21]],
    ["a page above and a message below", [10, 20], [5, 21], [10, 21]],
    ["a page below, the first ones let go", [10, 20], [15, 30], [10, 30]],
    ["another place", [10, 20], [50, 60], [50, 60]],
  ] as const)("for %s", (_, before, after, shown) => {
    const step = stepTo(items(before), items(after));
    expect(keys(step)).toEqual(keys(items(shown)));
    expect(keys(stepTo(step, items(after)))).toEqual(keys(items(after)));
  });
});
