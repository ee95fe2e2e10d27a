/**
 * Above the field: which message is answered or changed, and the way out.
 * Asks the timeline for the message that is answered.
 */
import { Pencil, Reply, X } from "lucide-react";
import type { MessageItem, Seq, Timeline } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { previewText } from "../conversations/preview";
import { nameOf, usePeople } from "../people/people";
import { useQuoted } from "../timeline/Quote";
import styles from "./ComposerContext.module.css";

export interface ComposerContextProps {
  editing: MessageItem | undefined;
  replyTo: Seq | undefined;
  timeline: Timeline | undefined;
  onCancel: () => void;
}

export function ComposerContext({ editing, replyTo, timeline, onCancel }: ComposerContextProps) {
  const t = useT();
  const quoted = useQuoted(timeline, editing === undefined ? replyTo : undefined);
  const item = editing ?? (typeof quoted === "string" ? undefined : quoted);
  const people = usePeople(item === undefined ? [] : [item.senderId]);
  if (editing === undefined && replyTo === undefined) return null;
  const text =
    item === undefined ? "" : previewText({ body: item.body, attachments: item.attachments, deleted: item.deletedAt !== undefined }, t);
  return (
    <div className={styles.context}>
      {editing === undefined ? <Reply className="mirror-in-rtl" aria-hidden="true" /> : <Pencil aria-hidden="true" />}
      <p className={styles.text}>
        <strong>
          {editing === undefined
            ? t("composer.replying", { name: item === undefined ? "…" : nameOf(people, item.senderId, t) })
            : t("composer.editing")}
        </strong>{" "}
        {text}
      </p>
      <IconButton small label={t("action.cancel")} hint="Esc" onClick={onCancel}>
        <X />
      </IconButton>
    </div>
  );
}
