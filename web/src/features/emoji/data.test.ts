/** Emoji by what people type after a colon. */
import { describe, expect, it } from "vitest";
import { loadEmoji, matchEmoji } from "./data";

describe("emoji", () => {
  it("are found by shortcode first, then by name and tag", async () => {
    const { emojis } = await loadEmoji("en");
    expect(matchEmoji(emojis, "tada", 1)).toEqual([{ emoji: "🎉", code: "tada" }]);
    expect(matchEmoji(emojis, "+1", 1)[0]?.emoji).toContain("👍");
    expect(matchEmoji(emojis, "teapot", 3).map(({ emoji }) => emoji)).toContain("🫖");
    expect(matchEmoji(emojis, "zzzz", 3)).toEqual([]);
    expect(matchEmoji(emojis, "s", 7)).toHaveLength(7);
  });

  it("know German", async () => {
    const { emojis, categories } = await loadEmoji("de");
    expect(matchEmoji(emojis, "teekanne", 1)[0]?.emoji).toBe("🫖");
    expect(categories.length).toBeGreaterThan(7);
  });
});
