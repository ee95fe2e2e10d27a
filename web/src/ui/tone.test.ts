/** Colours and initials are the same everywhere, for every name there is. */
import { describe, expect, it } from "vitest";
import { TONES, initialsOf, toneOf } from "./tone";

describe("a colour", () => {
  it("depends on the id alone, and all are used", () => {
    const tones = new Set(Array.from({ length: 500 }, (_, index) => toneOf(`019aa7f0-0000-7000-8000-${String(index).padStart(12, "0")}`)));
    expect(tones.size).toBe(TONES);
    expect(toneOf("ada")).toBe(toneOf("ada"));
  });
});

describe("initials", () => {
  it.each([
    ["Ada Lovelace", "AL"],
    ["ada", "A"],
    ["jean-luc  picard", "JP"],
    ["王小明", "王"],
    ["🫖 Tea", "🫖T"],
    ["  ", "?"],
  ])("of %j are %j", (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });
});
