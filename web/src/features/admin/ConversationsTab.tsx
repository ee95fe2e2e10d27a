/**
 * All conversations of the server by their facts, never by what is said in them.
 * Reads only.
 */
import { useCallback } from "react";
import { useI18n } from "../../i18n/I18nProvider";
import { useClient } from "../context/client";
import { useNow } from "../context/time";
import { usePages } from "../context/usePages";
import { Table } from "./Table";
import styles from "./Table.module.css";

export function ConversationsTab() {
  const { t, formats } = useI18n();
  const client = useClient();
  const now = useNow();
  const pages = usePages(useCallback((cursor: string | undefined) => client.admin.conversations(cursor), [client]));
  return (
    <Table
      label={t("admin.conversations")}
      columns={[t("admin.conversation"), t("admin.kind"), t("members.title"), t("admin.events"), t("admin.lastActive")]}
      pages={pages}
      empty={t("admin.noConversations")}
    >
      {(item) => (
        <tr key={item.conversationId}>
          <td>
            <span className={styles.name}>{item.title ?? t(item.kind === "direct" ? "new.direct" : "conversation.untitled")}</span>
            <span className={styles.id}>{item.conversationId}</span>
          </td>
          <td>{t(`new.${item.kind}`)}</td>
          <td className={styles.numbers}>{formats.number(item.memberCount)}</td>
          <td className={styles.numbers}>{formats.number(item.headSeq)}</td>
          <td className={styles.note} title={formats.exact(item.activeAt)}>
            {formats.relative(item.activeAt, now)}
          </td>
        </tr>
      )}
    </Table>
  );
}
