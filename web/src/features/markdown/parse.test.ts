/** Markdown is a tree of known nodes: nothing in a message becomes markup, and only harmless addresses become links. */
import { describe, expect, it } from "vitest";
import type { Nodes } from "mdast";
import { isJumbo, isPlain, mentionedNames, parseMarkdown, safeUrl, splitMentions } from "./parse";

function typesOf(source: string): ReadonlySet<string> {
  const types = new Set<string>();
  const visit = (node: Nodes) => {
    types.add(node.type);
    if ("children" in node) node.children.forEach(visit);
  };
  visit(parseMarkdown(source));
  return types;
}

function textOf(source: string): string {
  const texts: string[] = [];
  const visit = (node: Nodes) => {
    if ("value" in node) texts.push(node.value);
    if ("children" in node) node.children.forEach(visit);
  };
  visit(parseMarkdown(source));
  return texts.join("");
}

describe("markdown", () => {
  it("knows what people write in chats", () => {
    const source = "**a** _b_ ~~c~~ `d` https://example.org\n\n- e\n\n> f\n\n1. g\n\n```js\nh\n```\n\n| i | j |\n|---|---|\n| k | l |";
    const expected = ["strong", "emphasis", "delete", "inlineCode", "link", "list", "blockquote", "code", "table"];
    expect([...typesOf(source)]).toEqual(expect.arrayContaining(expected));
  });

  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "a <b onclick=alert(1)>c</b>",
    "<!-- --><iframe src=//x></iframe>",
    "<svg/onload=alert(1)>",
  ])("%s stays text", (source) => {
    const types = typesOf(source);
    expect(types.has("html")).toBe(false);
    expect(textOf(source)).toBe(source);
  });

  it("has no remote images and no references", () => {
    const types = typesOf("![x](https://example.org/x.png)\n\n[a]: https://example.org");
    expect(types.has("image")).toBe(false);
    expect(types.has("definition")).toBe(false);
  });

  it("leaves indented text and single tildes alone", () => {
    expect(typesOf("    not code").has("code")).toBe(false);
    expect(typesOf("~1 to ~2").has("delete")).toBe(false);
    expect(textOf("&lt;b&gt; &amp;")).toBe("&lt;b&gt; &amp;");
  });
});

describe("addresses", () => {
  it.each(["https://example.org/a?b=1#c", "http://127.0.0.1:8080/", "mailto:ada@example.org"])("%s may be followed", (address) => {
    expect(safeUrl(address)).toBe(address);
  });

  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://example.org/x",
    "file:///etc/passwd",
    "/relative",
    "//host",
    "",
  ])("%j may not", (address) => {
    expect(safeUrl(address)).toBeUndefined();
  });
});

describe("mentions", () => {
  it("are names after an at sign that stands by itself", () => {
    expect(mentionedNames("@ada, @Bob.! (@c-d) @ada")).toEqual(["ada", "bob", "c-d"]);
    expect(mentionedNames("mail ada@example.org or https://x.org/@ada")).toEqual([]);
  });

  it("leave every other character where it was", () => {
    const text = "hi @ada! and @bob.";
    const joined = splitMentions(text).map((piece) => ("text" in piece ? piece.text : `@${piece.username}`));
    expect(joined.join("")).toBe(text);
  });
});

describe("a few emoji", () => {
  it.each(["🫖", "👍🏽 👩‍👩‍👧", "🇩🇪", "❤️"])("%s are large", (source) => {
    expect(isJumbo(source)).toBe(true);
  });

  it.each(["", "a🫖", "🫖🫖🫖🫖🫖🫖", "1"])("%j is not", (source) => {
    expect(isJumbo(source)).toBe(false);
  });
});

describe("a plain text", () => {
  const words = ["tea", "Tea, at 5.30?", "a-b", "1. not a list", "- a list", "# a heading", "it's #4 (of 5)!", "see www.example.org", "mail a@b.org",
    "x = y; z - 1", "**bold**", "a:b://c", "two  spaces", "end ", "--- ", "!", "a\\b", "über 100 % – ja…", "🫖 tea 🎉", "=", "+ x", "a | b", "HTTP://X.org", "a&amp;b"];

  it.each(words)("%j is read as by the long way", (source) => {
    const strip = (node: unknown): unknown => JSON.parse(JSON.stringify(node, (key, value: unknown) => (key === "position" || key === "data" ? undefined : value)));
    const long = parseMarkdown(`${source}\n\n_end_`).children.slice(0, -1);
    if (isPlain(source)) expect(strip(parseMarkdown(source).children)).toEqual(strip(long));
    else expect(/^[\p{L}\p{N} ,.?!'()-]+$/u.test(source) && /^\p{L}/u.test(source) && !/www\.|\s$/u.test(source)).toBe(false);
  });
});
