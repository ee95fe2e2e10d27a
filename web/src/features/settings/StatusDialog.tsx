/**
 * One's status, an emoji and a few words: as a dialog, and as fields for the profile.
 * Empty fields take the status away.
 */
import { Smile } from "lucide-react";
import { useState } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { useAccount, useClient } from "../context/client";
import { useAction } from "../context/useAction";
import { EmojiPopover } from "../emoji/EmojiPopover";
import styles from "./StatusDialog.module.css";

export const STATUS_CHARS_MAX = 100;

export interface StatusEditing {
  readonly emoji: string;
  readonly text: string;
  readonly setEmoji: (emoji: string) => void;
  readonly setText: (text: string) => void;
  readonly changed: boolean;
  readonly busy: boolean;
  readonly save: () => Promise<boolean>;
}

export function useStatus(): StatusEditing {
  const client = useClient();
  const account = useAccount();
  const action = useAction();
  const [emoji, setEmoji] = useState(account.status?.emoji ?? "");
  const [text, setText] = useState(account.status?.text ?? "");
  const changed = emoji !== (account.status?.emoji ?? "") || text.trim() !== (account.status?.text ?? "");
  const save = () => {
    const empty = emoji === "" && text.trim() === "";
    const status = { ...(emoji === "" ? {} : { emoji }), ...(text.trim() === "" ? {} : { text: text.trim() }) };
    return action.run(() => client.session.updateProfile({ status: empty ? null : status }));
  };
  return { emoji, text, setEmoji, setText, changed, busy: action.busy, save };
}

export function StatusDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return open ? <OpenDialog onClose={onClose} /> : null;
}

function OpenDialog({ onClose }: { onClose: () => void }) {
  const t = useT();
  const status = useStatus();
  const save = async () => {
    if (await status.save()) onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("status.set")}
      closeLabel={t("action.close")}
      actions={
        <>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button tone="accent" busy={status.busy} disabled={!status.changed} onClick={() => void save()}>
            {t("action.save")}
          </Button>
        </>
      }
    >
      <StatusFields status={status} />
    </Dialog>
  );
}

const EXAMPLES = [
  { emoji: "📅", key: "status.example.meeting" },
  { emoji: "🎧", key: "status.example.focus" },
  { emoji: "🤒", key: "status.example.ill" },
  { emoji: "🌴", key: "status.example.holiday" },
] as const;

export function StatusFields({ status }: { status: StatusEditing }) {
  const t = useT();
  return (
    <div className={styles.fields}>
      <div className={styles.row}>
        <EmojiPopover
          label={t("status.emoji")}
          icon={status.emoji === "" ? <Smile /> : <span className={styles.emoji}>{status.emoji}</span>}
          onPick={status.setEmoji}
        />
        <TextField
          className={styles.text}
          label={t("status.label")}
          labelHidden
          placeholder={t("status.placeholder")}
          maxLength={STATUS_CHARS_MAX}
          value={status.text}
          onChange={(event) => status.setText(event.currentTarget.value)}
        />
        <Button
          tone="quiet"
          onClick={() => {
            status.setEmoji("");
            status.setText("");
          }}
        >
          {t("status.clear")}
        </Button>
      </div>
      <div className={styles.examples}>
        {EXAMPLES.map(({ emoji, key }) => (
          <button
            key={key}
            type="button"
            className={styles.example}
            onClick={() => {
              status.setEmoji(emoji);
              status.setText(t(key));
            }}
          >
            {emoji} {t(key)}
          </button>
        ))}
      </div>
    </div>
  );
}
