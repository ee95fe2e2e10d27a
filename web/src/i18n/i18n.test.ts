/** Languages: complete, with the same values, by the rules of each; and formats that need no clock. */
import { describe, expect, it } from "vitest";
import { de } from "./de";
import { en } from "./en";
import { daysBetween, formatsOf } from "./format";
import { chooseLocale, formattingLocale, loadMessages } from "./locales";
import { piecesOf, translator } from "./translate";
import type { Message, MessageKey, Messages } from "./translate";

function namesIn(message: Message): readonly string[] {
  const texts = typeof message === "string" ? [message] : Object.values(message);
  const names = texts.flatMap((text) => piecesOf(text).flatMap((piece) => ("name" in piece ? [piece.name] : [])));
  return [...new Set(names)].sort();
}

describe("every language", () => {
  const keys = Object.keys(en) as MessageKey[];
  const languages: readonly (readonly [string, Messages])[] = [["de", de]];

  it.each(languages)("%s has every text, and no other", (_, messages) => {
    expect(Object.keys(messages).sort()).toEqual([...keys].sort());
  });

  it.each(languages)("%s uses the values of the English text", (_, messages) => {
    for (const key of keys) expect([key, namesIn(messages[key])]).toEqual([key, namesIn(en[key])]);
  });

  it.each(languages)("%s is not English left over", (_, messages) => {
    const same = keys.filter((key) => JSON.stringify(messages[key]) === JSON.stringify(en[key]));
    expect(same.length).toBeLessThan(keys.length / 15);
  });
});

describe("a text", () => {
  it("gets its values and its plural", () => {
    const t = translator(en, "en");
    expect(t("members.count", { count: 1 })).toBe("1 member");
    expect(t("members.count", { count: 2500 })).toBe("2,500 members");
    expect(t("typing.two", { first: "Ada", second: "Bob" })).toBe("Ada and Bob are writing…");
    expect(translator(de, "de")("members.count", { count: 2500 })).toBe("2.500 Mitglieder");
  });

  it("keeps a value that looks like a placeholder as it is", () => {
    expect(translator(en, "en")("timeline.announce", { name: "{text}", text: "<b>" })).toBe("{text}: <b>");
  });

  it("can be mirrored, values excepted", async () => {
    const t = translator(await loadMessages("ar-XB"), "en");
    expect(t("home.welcome", { name: "Ada" })).toMatch(/^\u202eWelcome, \u202cAda$/u);
  });
});

describe("a language", () => {
  it("is what was chosen, else the browser's, else English", () => {
    expect(chooseLocale("de", ["en"])).toBe("de");
    expect(chooseLocale(undefined, ["fr", "de-AT", "en"])).toBe("de");
    expect(chooseLocale("xx", ["fr"])).toBe("en");
    expect(chooseLocale(undefined, ["ar-XB"])).toBe("en");
    expect(formattingLocale("de", ["en", "de-AT"])).toBe("de-AT");
  });
});

describe("formats", () => {
  const now = new Date(2026, 0, 31, 12).getTime();
  const formats = formatsOf("en-GB");

  it("name near days by their distance", () => {
    expect(formats.day(new Date(2026, 0, 31, 1).getTime(), now)).toBe("Today");
    expect(formats.day(new Date(2026, 0, 30, 23).getTime(), now)).toBe("Yesterday");
    expect(formats.day(new Date(2026, 0, 27, 1).getTime(), now)).toBe("Tuesday");
    expect(formats.day(new Date(2026, 0, 3).getTime(), now)).toContain("3 January");
    expect(formats.day(new Date(2025, 0, 3).getTime(), now)).toBe("3 January 2025");
  });

  it("count calendar days, not hours", () => {
    expect(daysBetween(new Date(2026, 0, 31, 23, 59).getTime(), new Date(2026, 1, 1, 0, 1).getTime())).toBe(1);
    expect(daysBetween(new Date(2026, 2, 28).getTime(), new Date(2026, 2, 30).getTime())).toBe(2);
  });

  it("write sizes, durations and distances short", () => {
    expect(formats.bytes(0)).toBe("0 byte");
    expect(formats.bytes(1500)).toBe("1.5 kB");
    expect(formats.bytes(25_000_000)).toBe("25 MB");
    expect(formats.duration(3_900_000)).toMatch(/^1 hr 5 mins?$/u);
    expect(formats.relative(now - 2 * 3_600_000, now)).toBe("2 hours ago");
    expect(formats.relative(now - 5, now)).toBe("this minute");
    expect(formats.list(["Ada", "Bob", "Cem"])).toBe("Ada, Bob and Cem");
  });
});
