/**
 * Name, picture and status: how others see oneself.
 * A picture is made small and square before it is sent.
 */
import { ImageUp, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { LIMITS } from "../../protocol/constants";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { useToast } from "../../ui/Toasts";
import { useAccount, useClient } from "../context/client";
import { useAction } from "../context/useAction";
import { PersonAvatar } from "../people/people";
import { Row, Section } from "./Section";
import styles from "./Section.module.css";
import { squarePicture } from "./picture";
import { StatusFields, useStatus } from "./StatusDialog";

export function ProfileTab() {
  return (
    <>
      <PictureSection />
      <NameSection />
      <StatusSection />
    </>
  );
}

function PictureSection() {
  const t = useT();
  const client = useClient();
  const account = useAccount();
  const action = useAction();
  const input = useRef<HTMLInputElement>(null);
  const choose = (file: File | undefined) => {
    if (file !== undefined) void action.run(async () => client.session.setAvatar(await squarePicture(file)));
  };
  return (
    <Section title={t("profile.picture")} text={t("profile.pictureText")}>
      <Row>
        <PersonAvatar userId={account.userId} size="large" />
        <Button icon={<ImageUp />} busy={action.busy} onClick={() => input.current?.click()}>
          {t("profile.choosePicture")}
        </Button>
        {account.avatar === undefined ? null : (
          <Button tone="quiet" icon={<Trash2 />} onClick={() => void action.run(() => client.session.removeAvatar())}>
            {t("profile.removePicture")}
          </Button>
        )}
      </Row>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/*"
        onChange={(event) => {
          choose(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </Section>
  );
}

function NameSection() {
  const t = useT();
  const toast = useToast();
  const client = useClient();
  const account = useAccount();
  const action = useAction();
  const [name, setName] = useState(account.displayName);
  const save = async () => {
    if (await action.run(() => client.session.updateProfile({ displayName: name.trim() }))) toast({ text: t("settings.saved") });
  };
  return (
    <Section title={t("profile.name")} text={t("profile.nameText", { username: account.username })}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TextField
          label={t("auth.displayName")}
          maxLength={LIMITS.displayNameChars}
          autoComplete="name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Row>
          <Button type="submit" tone="accent" busy={action.busy} disabled={name.trim() === "" || name.trim() === account.displayName}>
            {t("action.save")}
          </Button>
        </Row>
      </form>
    </Section>
  );
}

function StatusSection() {
  const t = useT();
  const toast = useToast();
  const status = useStatus();
  const save = async () => {
    if (await status.save()) toast({ text: t("settings.saved") });
  };
  return (
    <Section title={t("status.title")} text={t("status.text")}>
      <StatusFields status={status} />
      <Row>
        <Button tone="accent" busy={status.busy} disabled={!status.changed} onClick={() => void save()}>
          {t("action.save")}
        </Button>
      </Row>
    </Section>
  );
}
