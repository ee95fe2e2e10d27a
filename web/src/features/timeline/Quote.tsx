/**
 * The message that is answered, in one line; pressed, the timeline goes there.
 * Asks the timeline for it, which has it or fetches it.
 */
import { Reply } from "lucide-react";
import { useEffect, useState } from "react";
import type { MessageItem, Seq, Timeline } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { previewText } from "../conversations/preview";
import { nameOf, usePeople } from "../people/people";
import type { People } from "../people/people";
import styles from "./Quote.module.css";

type Quoted = MessageItem | "loading" | "missing";

export function useQuoted(timeline: Timeline | undefined, seq: Seq | undefined): Quoted {
  const [quoted, setQuoted] = useState<Quoted>("loading");
  useEffect(() => {
    if (timeline === undefined || seq === undefined) return;
    let current = true;
    timeline.message(seq).then(
      (item) => {
        if (current) setQuoted(item ?? "missing");
      },
      () => {
        if (current) setQuoted("missing");
      },
    );
    return () => {
      current = false;
    };
  }, [timeline, seq]);
  return quoted;
}

export function Quote({ timeline, seq, people }: { timeline: Timeline; seq: Seq; people: People }) {
  const t = useT();
  const quoted = useQuoted(timeline, seq);
  return (
    <button type="button" className={styles.quote} onClick={() => void timeline.jumpTo(seq)}>
      <Reply className="mirror-in-rtl" aria-hidden="true" />
      <span className="visually-hidden">{t("quote.answers")}</span>
      <QuotedText quoted={quoted} people={people} />
    </button>
  );
}

function QuotedText({ quoted, people }: { quoted: Quoted; people: People }) {
  const t = useT();
  const known = usePeople(typeof quoted === "string" ? [] : [quoted.senderId]);
  if (quoted === "loading") return <span className={styles.text}>…</span>;
  if (quoted === "missing") return <span className={styles.text}>{t("quote.missing")}</span>;
  const text = previewText({ body: quoted.body, attachments: quoted.attachments, deleted: quoted.deletedAt !== undefined }, t);
  return (
    <>
      <strong className={styles.name}>{nameOf(known.size === 0 ? people : known, quoted.senderId, t)}</strong>
      <span className={styles.text}>{text}</span>
    </>
  );
}
