/**
 * The accounts: finding, inviting, disabling, roles, new passwords.
 * What the reader's role does not permit is not offered.
 */
import { Ban, CircleCheck, Crown, EllipsisVertical, KeyRound, Search, ShieldCheck, UserPlus, UserRound } from "lucide-react";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import type { AdminUser, AdminUserPatch, ServerRole, UserPresence } from "../../sync/api";
import { useI18n, useT } from "../../i18n/I18nProvider";
import { Button, IconButton } from "../../ui/Button";
import { Confirm, Dialog } from "../../ui/Dialog";
import { Badge } from "../../ui/Feedback";
import { TextField } from "../../ui/Field";
import { Menu, MenuItem, MenuSeparator } from "../../ui/Menu";
import { useToast } from "../../ui/Toasts";
import { StrengthHint } from "../auth/AuthPage";
import { passwordComplaint } from "../auth/validation";
import { useAccount, useClient } from "../context/client";
import { useGo } from "../context/navigation";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { usePages } from "../context/usePages";
import { PersonAvatar, Username, presenceText, usePresence } from "../people/people";
import { Table } from "./Table";
import styles from "./Table.module.css";

const WATCHED_MAX = 100;
const ROLE_ICONS = { owner: Crown, admin: ShieldCheck, member: UserRound } as const;
const ROLES: readonly ServerRole[] = ["owner", "admin", "member"];

export function UsersTab() {
  const { t } = useI18n();
  const client = useClient();
  const go = useGo();
  const [text, setText] = useState("");
  const prefix = useDeferredValue(text.trim().toLowerCase());
  const fetchPage = useCallback(
    (after: string | undefined) => client.admin.users({ ...(prefix === "" ? {} : { prefix }), ...(after === undefined ? {} : { after }) }),
    [client, prefix],
  );
  const pages = usePages(fetchPage);
  const presence = usePresence(useMemo(() => pages.items.slice(0, WATCHED_MAX).map((user) => user.userId), [pages.items]));
  const replace = (user: AdminUser) => pages.change((items) => items.map((item) => (item.userId === user.userId ? user : item)));
  return (
    <>
      <div className={styles.bar}>
        <TextField className={styles.grow} label={t("admin.findUser")} labelHidden icon={<Search />} placeholder={t("admin.findUser")} value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <Button tone="accent" icon={<UserPlus />} onClick={() => go({ page: "settings", tab: "invitations" })}>
          {t("invites.invite")}
        </Button>
      </div>
      <Table
        label={t("admin.users")}
        columns={[t("admin.person"), t("admin.role"), t("admin.state"), t("admin.seen"), t("admin.actions")]}
        pages={pages}
        empty={t("admin.noUsers")}
      >
        {(user) => <UserRow key={user.userId} user={user} presence={presence.get(user.userId)} onChanged={replace} />}
      </Table>
    </>
  );
}

interface UserRowProps {
  user: AdminUser;
  presence: UserPresence | undefined;
  onChanged: (user: AdminUser) => void;
}

function UserRow({ user, presence, onChanged }: UserRowProps) {
  const i18n = useI18n();
  const { t, formats } = i18n;
  const now = useNow();
  const seen = user.seenAt === undefined ? t("admin.never") : formats.relative(user.seenAt, now);
  const isThere = presence !== undefined && presence.status !== "offline";
  return (
    <tr>
      <td>
        <span className={styles.person}>
          <PersonAvatar userId={user.userId} size="small" presence={presence?.status} />
          <span>
            <span className={styles.name}>{user.displayName}</span>
            <br />
            <span className={styles.note}>
              <Username name={user.username} />
            </span>
          </span>
        </span>
      </td>
      <td>{t(`role.${user.role}`)}</td>
      <td>{user.disabledAt === undefined ? <Badge tone="success">{t("admin.active")}</Badge> : <Badge tone="warning">{t("admin.disabled")}</Badge>}</td>
      <td className={styles.note}>{isThere ? presenceText(presence, now, i18n) : seen}</td>
      <td className={styles.end}>
        <UserMenu user={user} onChanged={onChanged} />
      </td>
    </tr>
  );
}

function UserMenu({ user, onChanged }: { user: AdminUser; onChanged: (user: AdminUser) => void }) {
  const t = useT();
  const client = useClient();
  const account = useAccount();
  const action = useAction();
  const [dialog, setDialog] = useState<"disable" | "password" | undefined>(undefined);
  const close = () => setDialog(undefined);
  const mayChange = user.userId !== account.userId && (account.role === "owner" || user.role === "member");
  const patch = async (change: AdminUserPatch) => {
    if (await action.run(async () => onChanged(await client.admin.patchUser(user.userId, change)))) close();
  };
  if (!mayChange) return null;
  const disabled = user.disabledAt !== undefined;
  return (
    <>
      <Menu
        label={t("admin.menuOf", { name: user.displayName })}
        trigger={
          <IconButton small label={t("admin.menuOf", { name: user.displayName })}>
            <EllipsisVertical />
          </IconButton>
        }
      >
        <MenuItem icon={<KeyRound />} onSelect={() => setDialog("password")}>
          {t("admin.resetPassword")}
        </MenuItem>
        {account.role === "owner"
          ? ROLES.filter((role) => role !== user.role).map((role) => {
              const Icon = ROLE_ICONS[role];
              return (
                <MenuItem key={role} icon={<Icon />} onSelect={() => void patch({ role })}>
                  {t(`members.make.${role}`)}
                </MenuItem>
              );
            })
          : null}
        <MenuSeparator />
        {disabled ? (
          <MenuItem icon={<CircleCheck />} onSelect={() => void patch({ disabled: false })}>
            {t("admin.enable")}
          </MenuItem>
        ) : (
          <MenuItem icon={<Ban />} danger onSelect={() => setDialog("disable")}>
            {t("admin.disable")}
          </MenuItem>
        )}
      </Menu>
      <Confirm
        open={dialog === "disable"}
        danger
        busy={action.busy}
        onClose={close}
        onConfirm={() => void patch({ disabled: true })}
        title={t("admin.disableTitle", { name: user.displayName })}
        description={t("admin.disableText")}
        confirmLabel={t("admin.disable")}
        cancelLabel={t("action.cancel")}
      />
      {dialog === "password" ? <PasswordDialog user={user} onClose={close} /> : null}
    </>
  );
}

function PasswordDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
  const t = useT();
  const client = useClient();
  const toast = useToast();
  const action = useAction();
  const [password, setPassword] = useState("");
  const save = async () => {
    if (!(await action.run(() => client.admin.resetPassword(user.userId, password)))) return;
    toast({ text: t("admin.passwordReset", { name: user.displayName }) });
    onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("admin.resetPassword")}
      description={t("admin.resetText", { name: user.displayName })}
      closeLabel={t("action.close")}
      actions={
        <>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button tone="accent" busy={action.busy} disabled={passwordComplaint(password) !== undefined} onClick={() => void save()}>
            {t("admin.resetPassword")}
          </Button>
        </>
      }
    >
      <TextField
        label={t("security.new")}
        type="text"
        autoComplete="off"
        spellCheck={false}
        value={password}
        hint={<StrengthHint password={password} />}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
    </Dialog>
  );
}
