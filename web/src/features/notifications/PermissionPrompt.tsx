/**
 * Offers notifications once there is something to be told of, never before; a refusal is remembered on this device.
 * Pressing the button asks the browser.
 */
import { BellRing } from "lucide-react";
import { useState } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { useClient, useStore } from "../context/client";
import styles from "./PermissionPrompt.module.css";
import { askPermission, usePermission } from "./permission";

const DISMISSED_KEY = "dynamowave.notifications.dismissed";

export function PermissionPrompt() {
  const t = useT();
  const permission = usePermission();
  const { items } = useStore(useClient().conversations.list);
  const [dismissed, setDismissed] = useState(() => localStorage.getItem(DISMISSED_KEY) !== null);
  const worthIt = items.some((item) => item.last !== undefined && item.memberCount > 1);
  if (permission !== "default" || dismissed || !worthIt) return null;
  const dismiss = () => {
    localStorage.setItem(DISMISSED_KEY, "1");
    setDismissed(true);
  };
  return (
    <div className={styles.prompt}>
      <BellRing aria-hidden="true" />
      <p>{t("notification.offer")}</p>
      <div className={styles.buttons}>
        <Button small tone="accent" onClick={() => void askPermission().then(dismiss)}>
          {t("notification.enable")}
        </Button>
        <Button small tone="quiet" onClick={dismiss}>
          {t("notification.later")}
        </Button>
      </div>
    </div>
  );
}
