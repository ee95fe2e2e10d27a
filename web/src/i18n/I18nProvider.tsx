/**
 * Gives the parts below it the words and formats of one language, and the page its language and direction.
 * Shows nothing until the language's texts are there: no page in two languages.
 */
import { createContext, Fragment, useContext, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { en } from "./en";
import { formatsOf } from "./format";
import type { Formats } from "./format";
import { directionOf, formattingLocale, loadMessages } from "./locales";
import type { Locale } from "./locales";
import { formOf, piecesOf, translator } from "./translate";
import type { MessageKey, Messages, Translate, ValuesArgument } from "./translate";

export interface I18n {
  locale: Locale;
  direction: "ltr" | "rtl";
  t: Translate;
  /** Like `t`, with elements as values. */
  rich: <K extends MessageKey>(key: K, ...values: ValuesArgument<K, ReactNode>) => ReactNode;
  formats: Formats;
}

const I18nContext = createContext<I18n>(makeI18n("en", en, []));

export function useI18n(): I18n {
  return useContext(I18nContext);
}

export function useT(): Translate {
  return useContext(I18nContext).t;
}

export function I18nProvider({ locale, children }: { locale: Locale; children: ReactNode }) {
  const [loaded, setLoaded] = useState<{ locale: Locale; messages: Messages } | undefined>(
    locale === "en" ? { locale, messages: en } : undefined,
  );
  useEffect(() => {
    let current = true;
    void loadMessages(locale).then((messages) => {
      if (current) setLoaded({ locale, messages });
    });
    return () => {
      current = false;
    };
  }, [locale]);
  const i18n = useMemo(
    () => (loaded === undefined ? undefined : makeI18n(loaded.locale, loaded.messages, navigator.languages)),
    [loaded],
  );
  useEffect(() => {
    if (i18n === undefined) return;
    document.documentElement.lang = i18n.locale;
    document.documentElement.dir = i18n.direction;
  }, [i18n]);
  return i18n === undefined ? null : <I18nContext value={i18n}>{children}</I18nContext>;
}

function makeI18n(locale: Locale, messages: Messages, languages: readonly string[]): I18n {
  const formatting = formattingLocale(locale, languages);
  const rules = new Intl.PluralRules(formatting);
  return {
    locale,
    direction: directionOf(locale),
    t: translator(messages, formatting),
    rich: (key, ...[values]) => {
      const given: Readonly<Record<string, ReactNode>> = values ?? {};
      return piecesOf(formOf(messages[key], given.count, rules)).map((piece, index) => (
        <Fragment key={index}>{"literal" in piece ? piece.literal : given[piece.name]}</Fragment>
      ));
    },
    formats: formatsOf(formatting),
  };
}
