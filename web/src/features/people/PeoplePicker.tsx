/**
 * Choosing people by name: a field that searches, the found ones, the chosen ones.
 * Does nothing with them: the caller does.
 */
import { Check, Search, X } from "lucide-react";
import { useCallback, useDeferredValue, useState } from "react";
import type { User } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { TextField } from "../../ui/Field";
import { useAccount, useClient } from "../context/client";
import { usePages } from "../context/usePages";
import { PersonAvatar, Username } from "./people";
import styles from "./PeoplePicker.module.css";

export interface PeoplePickerProps {
  label: string;
  chosen: readonly User[];
  onChange: (chosen: readonly User[]) => void;
  /** Choosing one replaces the one before. */
  single?: boolean;
  exclude?: ReadonlySet<string>;
}

export function PeoplePicker({ label, chosen, onChange, single, exclude }: PeoplePickerProps) {
  const t = useT();
  const client = useClient();
  const account = useAccount();
  const [text, setText] = useState("");
  const prefix = useDeferredValue(text.trim().replace(/^@/u, "").toLowerCase());
  const find = useCallback((cursor: string | undefined) => client.users.find(prefix, cursor), [client, prefix]);
  const found = usePages(find);
  const chosenIds = new Set(chosen.map((user) => user.userId));
  const shown = found.items.filter(
    (user) => user.userId !== account.userId && user.disabled !== true && exclude?.has(user.userId) !== true,
  );
  const toggle = (user: User) => {
    if (chosenIds.has(user.userId)) onChange(chosen.filter((other) => other.userId !== user.userId));
    else onChange(single === true ? [user] : [...chosen, user]);
  };
  return (
    <div className={styles.picker}>
      {chosen.length === 0 ? null : (
        <ul role="list" className={styles.chips} aria-label={t("picker.chosen")}>
          {chosen.map((user) => (
            <li key={user.userId}>
              <button type="button" className={styles.chip} onClick={() => toggle(user)}>
                <PersonAvatar userId={user.userId} size="small" />
                {user.displayName}
                <X aria-hidden="true" />
                <span className="visually-hidden">{t("picker.remove")}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <TextField
        label={label}
        icon={<Search />}
        value={text}
        placeholder={t("picker.placeholder")}
        autoComplete="off"
        autoFocus
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <ul role="list" className={styles.found} aria-label={t("picker.found")}>
        {shown.map((user) => (
          <li key={user.userId}>
            <button
              type="button"
              className={styles.person}
              aria-pressed={chosenIds.has(user.userId)}
              onClick={() => toggle(user)}
            >
              <PersonAvatar userId={user.userId} />
              <span className={styles.names}>
                <span className={styles.name}>{user.displayName}</span>
                <span className={styles.username}>
                  <Username name={user.username} />
                </span>
              </span>
              {chosenIds.has(user.userId) ? <Check aria-hidden="true" /> : null}
            </button>
          </li>
        ))}
      </ul>
      {found.loading || shown.length > 0 ? null : <p className={styles.none}>{t(prefix === "" ? "picker.nobody" : "picker.none")}</p>}
      {found.hasMore ? (
        <button type="button" className={styles.more} onClick={found.more}>
          {t("list.more")}
        </button>
      ) : null}
    </div>
  );
}
