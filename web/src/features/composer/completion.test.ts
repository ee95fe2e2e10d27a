/** Completion: when it offers something, and that it changes nothing but the token. */
import { describe, expect, it } from "vitest";
import { completed, tokenAt, wrapped } from "./completion";

const at = (text: string) => {
  const caret = text.indexOf("|");
  return tokenAt(text.replace("|", ""), caret === -1 ? text.length : caret);
};

describe("a token", () => {
  it.each([
    ["@", { kind: "mention", query: "", start: 0 }],
    ["hi @ad", { kind: "mention", query: "ad", start: 3 }],
    ["hi (@ad| there", { kind: "mention", query: "ad", start: 4 }],
    ["a\n@Äd", { kind: "mention", query: "Äd", start: 2 }],
    ["so :ta", { kind: "emoji", query: "ta", start: 3 }],
    [":+1", { kind: "emoji", query: "+1", start: 0 }],
  ])("is in %j", (text, token) => {
    expect(at(text)).toEqual(token);
  });

  it.each(["", "hi", "a@b", "at 10:30", "so :t", "https://x", "`@ad", "```\n@ad", "@ad |"])("is not in %j", (text) => {
    expect(at(text)).toBeUndefined();
  });

  it("is there again after code was closed", () => {
    expect(at("`a` @ad")).toMatchObject({ query: "ad" });
    expect(at("```\na\n```\n@ad")).toMatchObject({ query: "ad" });
  });
});

describe("completing", () => {
  it("replaces the token and moves on", () => {
    expect(completed("hi @ad", 6, { kind: "mention", query: "ad", start: 3 }, "@ada")).toEqual({ text: "hi @ada ", caret: 8 });
  });

  it("leaves what follows alone, and takes its space", () => {
    expect(completed("@ad there", 3, { kind: "mention", query: "ad", start: 0 }, "@ada")).toEqual({ text: "@ada there", caret: 5 });
    expect(completed("@ad!", 3, { kind: "mention", query: "ad", start: 0 }, "@ada")).toEqual({ text: "@ada !", caret: 5 });
  });
});

describe("marks", () => {
  it("go around the selection, and away again", () => {
    const marked = wrapped("so it is", 3, 5, "**");
    expect(marked).toEqual({ text: "so **it** is", selectionStart: 5, caret: 7 });
    expect(wrapped(marked.text, marked.selectionStart, marked.caret, "**")).toEqual({ text: "so it is", selectionStart: 3, caret: 5 });
  });
});
