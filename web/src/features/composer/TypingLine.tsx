/**
 * Who is writing at the moment, by name up to two, else by number.
 * Keeps its place when nobody is, so that nothing jumps.
 */
import type { ConversationId, UserId } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { useClient, useSelected } from "../context/client";
import { nameOf, usePeople } from "../people/people";
import styles from "./TypingLine.module.css";

const NOBODY: readonly UserId[] = [];

export function TypingLine({ conversationId }: { conversationId: ConversationId }) {
  const t = useT();
  const client = useClient();
  const typing = useSelected(client.typing.all, (all) => all.get(conversationId) ?? NOBODY);
  const people = usePeople(typing.slice(0, 2));
  const [first, second] = typing.slice(0, 2).map((userId) => nameOf(people, userId, t));
  return (
    <p className={styles.line} aria-live="polite">
      {first === undefined ? null : (
        <>
          <span className={styles.dots} aria-hidden="true">
            <span />
            <span />
            <span />
          </span>
          {typing.length === 1 || second === undefined
            ? t("typing.one", { name: first })
            : typing.length === 2
              ? t("typing.two", { first, second })
              : t("typing.many", { count: typing.length })}
        </>
      )}
    </p>
  );
}
