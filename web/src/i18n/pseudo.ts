/**
 * A language for checks: English within right-to-left override marks, so that what is not translated or not mirrored stands out.
 * Never chosen by itself.
 */
import type { Message, MessageKey, Messages } from "./translate";

const OVERRIDE = "‮";
const POP = "‬";

/** Every text of a language, mirrored; placeholders stay as they are. */
export function mirrored(messages: Messages): Messages {
  const entries = Object.entries(messages).map(([key, message]) => [key, mirroredMessage(message)]);
  return Object.fromEntries(entries) as Record<MessageKey, Message>;
}

function mirroredMessage(message: Message): Message {
  if (typeof message === "string") return mirroredText(message);
  const forms = Object.entries(message).map(([form, text]) => [form, mirroredText(text)]);
  return Object.fromEntries(forms) as Message;
}

/** Literals only are overridden: a value keeps its own direction. */
function mirroredText(text: string): string {
  return text
    .split(/(\{\w+\})/u)
    .map((piece) => (piece.startsWith("{") || piece.trim() === "" ? piece : `${OVERRIDE}${piece}${POP}`))
    .join("");
}
