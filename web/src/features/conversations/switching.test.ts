/** The quick switcher's order. */
import { describe, expect, it } from "vitest";
import { rankOf, suiting } from "./switching";

const labels = (typed: string) =>
  suiting(["Tea", "Team Ada", "Steam", "Ärzte", "general"].map((label) => ({ label })), typed, 10).map(({ label }) => label);

describe("the switcher", () => {
  it("puts beginnings before words before any place", () => {
    expect(labels("tea")).toEqual(["Tea", "Team Ada", "Steam"]);
    expect(labels("ada")).toEqual(["Team Ada"]);
  });

  it("ignores case, accents and the signs of channels and people", () => {
    expect(labels("#ARZ")).toEqual(["Ärzte"]);
    expect(labels("@tea")).toEqual(["Tea", "Team Ada", "Steam"]);
  });

  it("takes letters in order as a last resort, and not for one or two", () => {
    expect(rankOf("general", "gnl")).toBe(3);
    expect(rankOf("general", "gl")).toBeUndefined();
  });

  it("keeps the order given when nothing is typed, and is bounded", () => {
    expect(labels(" ")).toHaveLength(5);
    expect(suiting([{ label: "a" }, { label: "ab" }], "a", 1)).toHaveLength(1);
  });

  it("looks at other names too", () => {
    expect(suiting([{ label: "Ada Lovelace", also: ["countess"] }], "count", 5)).toHaveLength(1);
  });
});
