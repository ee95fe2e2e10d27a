/**
 * Turns a key and its values into a sentence: placeholders in braces, plural forms by the rules of the language.
 * Knows no sentence; keys and the values each needs are checked by the compiler against the English texts.
 */
import type { en } from "./en";

/** A text, or one text for each plural form that the language has. */
export type Message = string | PluralMessage;

export type PluralMessage = Readonly<Partial<Record<Exclude<Intl.LDMLPluralRule, "other">, string>>> & { readonly other: string };

export type MessageKey = keyof typeof en;

/** All texts of one language. */
export type Messages = Readonly<Record<MessageKey, Message>>;

/** The values that a key's text needs, by name. */
export type Values<K extends MessageKey, V = string | number> = Record<PlaceholdersOf<TextOf<(typeof en)[K]>>, V>;

/** No second argument where a text needs no values. */
export type ValuesArgument<K extends MessageKey, V = string | number> = keyof Values<K> extends never
  ? []
  : [values: Values<K, V>];

export type Translate = <K extends MessageKey>(key: K, ...values: ValuesArgument<K>) => string;

type TextOf<M> = M extends string ? M : M[keyof M];

type PlaceholdersOf<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | PlaceholdersOf<Rest> : never;

/** A piece of a text: literal, or the name of a value. */
export type Piece = { readonly literal: string } | { readonly name: string };

const PLACEHOLDER = /\{(\w+)\}/u;

/** Splits a text at its placeholders. */
export function piecesOf(text: string): readonly Piece[] {
  return text
    .split(PLACEHOLDER)
    .map((piece, index) => (index % 2 === 0 ? { literal: piece } : { name: piece }))
    .filter((piece) => !("literal" in piece) || piece.literal.length > 0);
}

/** The text of a message for its `count`. */
export function formOf(message: Message, count: unknown, rules: Intl.PluralRules): string {
  if (typeof message === "string") return message;
  const form = typeof count === "number" ? rules.select(count) : "other";
  return message[form] ?? message.other;
}

/** Makes the function that translates into one language. */
export function translator(messages: Messages, locale: string): Translate {
  const rules = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  return (key, ...[values]) => {
    const given: Readonly<Record<string, string | number>> = values ?? {};
    return piecesOf(formOf(messages[key], given.count, rules))
      .map((piece) => ("literal" in piece ? piece.literal : show(given[piece.name], numbers)))
      .join("");
  };
}

function show(value: string | number | undefined, numbers: Intl.NumberFormat): string {
  return typeof value === "number" ? numbers.format(value) : (value ?? "");
}
