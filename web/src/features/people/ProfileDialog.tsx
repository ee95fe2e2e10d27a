/**
 * Somebody, closer: picture, names, status, whether they are there, and writing to them.
 * Knows what everybody may know of them, nothing more.
 */
import { MessageSquare } from "lucide-react";
import type { UserId } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { useAccount, useClient } from "../context/client";
import { useGo } from "../context/navigation";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { PersonAvatar, Username, presenceText, usePresence, useUser } from "./people";
import styles from "./ProfileDialog.module.css";

export default function ProfileDialog({ userId, onClose }: { userId: UserId; onClose: () => void }) {
  const i18n = useI18n();
  const { t } = i18n;
  const client = useClient();
  const go = useGo();
  const now = useNow();
  const account = useAccount();
  const action = useAction();
  const met = useUser(userId);
  const me = userId === account.userId;
  const user = me ? account : met;
  const presence = usePresence([userId]).get(userId);
  const write = async () => {
    let conversationId = "";
    const worked = await action.run(async () => {
      conversationId = await client.conversations.create({ kind: "direct", memberIds: [userId] });
    });
    if (!worked) return;
    onClose();
    go({ page: "conversation", conversationId });
  };
  const status = [user?.status?.emoji, user?.status?.text].filter(Boolean).join(" ");
  return (
    <Dialog
      open
      onClose={onClose}
      title={user?.displayName ?? t("people.unknown")}
      closeLabel={t("action.close")}
      actions={
        me ? (
          <Button onClick={() => go({ page: "settings", tab: "profile" })}>{t("settings.profile")}</Button>
        ) : (
          <Button tone="accent" icon={<MessageSquare />} busy={action.busy} onClick={() => void write()}>
            {t("members.write")}
          </Button>
        )
      }
    >
      <div className={styles.profile}>
        <PersonAvatar userId={userId} size="large" presence={presence?.status} />
        <div className={styles.text}>
          <p className={styles.username}>
            <Username name={user?.username} />
          </p>
          {status === "" ? null : <p>{status}</p>}
          <p className={styles.note}>{presenceText(presence, now, i18n)}</p>
        </div>
      </div>
    </Dialog>
  );
}
