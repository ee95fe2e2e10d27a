/** One line of plain text from Markdown, without a parser. */
import { describe, expect, it } from "vitest";
import { en } from "../../i18n/en";
import { translator } from "../../i18n/translate";
import { plainText, previewText } from "./preview";

const t = translator(en, "en");

describe("a preview", () => {
  it.each([
    ["Yes, **now**.", "Yes, now."],
    ["_so_ ~~not~~ `code`", "so not code"],
    ["a\n\n- b\n- c", "a b c"],
    ["> quoted\nanswer", "quoted answer"],
    ["```ts\nlet a = 1;\n```", "let a = 1;"],
    ["see [the page](https://example.org/a)", "see the page"],
    ["2 * 3 * 4", "2 * 3 * 4"],
    ["snake_case_name", "snake_case_name"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ])("of %j is %j", (source, text) => {
    expect(plainText(source)).toBe(text);
  });

  it("is bounded, and cut between characters", () => {
    expect(Array.from(plainText("🫖".repeat(500)))).toHaveLength(201);
  });

  it("tells what is not text", () => {
    const file = { attachmentId: "a", name: "tea.pdf", sizeBytes: 1, contentType: "application/pdf", thumbnail: false };
    const image = { ...file, name: "tea.png", contentType: "image/png" };
    expect(previewText({ body: "x", deleted: true, attachments: [] }, t)).toBe("Message deleted");
    expect(previewText({ body: "", deleted: false, attachments: [file] }, t)).toBe("tea.pdf");
    expect(previewText({ body: "", deleted: false, attachments: [image] }, t)).toContain("tea.png");
    expect(previewText({ body: "", deleted: false, attachments: [file, image] }, t)).toBe("2 files");
  });
});
