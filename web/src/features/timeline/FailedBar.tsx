/**
 * Says why a message was not sent, and offers what helps: try again, or give it up.
 * The text stays where it is until its author decides.
 */
import { RotateCcw, Trash2 } from "lucide-react";
import type { MessageItem, SendError } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { useClient } from "../context/client";
import { codeText } from "../context/errors";
import styles from "./FailedBar.module.css";

export function FailedBar({ item, error }: { item: MessageItem; error: SendError }) {
  const t = useT();
  const client = useClient();
  return (
    <div className={styles.bar} role="alert">
      <span>{t("message.notSent", { reason: codeText(error.code, error.message, t) })}</span>
      {error.retryable ? (
        <Button small icon={<RotateCcw />} onClick={() => client.messages.retry(item.key)}>
          {t("action.retry")}
        </Button>
      ) : null}
      <Button small tone="quiet" icon={<Trash2 />} onClick={() => client.messages.discard(item.key)}>
        {t("message.discard")}
      </Button>
    </div>
  );
}
