/**
 * The languages there are, their direction, and which one suits a browser.
 * Texts other than English are loaded when they are chosen.
 */
import { en } from "./en";
import { mirrored } from "./pseudo";
import type { Messages } from "./translate";

export const LOCALES = ["en", "de"] as const;

/** For checking layouts from right to left: English, marked, written from the right. */
export const PSEUDO_LOCALE = "ar-XB";

export type Locale = (typeof LOCALES)[number] | typeof PSEUDO_LOCALE;

/** Each language in its own words. */
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: "English",
  de: "Deutsch",
  "ar-XB": "‮English, mirrored‬",
};

export function isLocale(text: string): text is Locale {
  return text === PSEUDO_LOCALE || LOCALES.some((locale) => locale === text);
}

export function directionOf(locale: Locale): "ltr" | "rtl" {
  return locale === PSEUDO_LOCALE ? "rtl" : "ltr";
}

/** The locale for dates and numbers. */
export function formattingLocale(locale: Locale, languages: readonly string[]): string {
  if (locale === PSEUDO_LOCALE) return "en";
  return languages.find((language) => language.toLowerCase().split("-")[0] === locale) ?? locale;
}

/** What was chosen, else the first language of the browser that there is, else English. */
export function chooseLocale(chosen: string | undefined, languages: readonly string[]): Locale {
  if (chosen !== undefined && isLocale(chosen)) return chosen;
  for (const language of languages) {
    const base = language.toLowerCase().split("-")[0] ?? "";
    if (isLocale(base)) return base;
  }
  return "en";
}

export async function loadMessages(locale: Locale): Promise<Messages> {
  switch (locale) {
    case "de":
      return (await import("./de")).de;
    case "ar-XB":
      return mirrored(en);
    case "en":
      return en;
  }
}
