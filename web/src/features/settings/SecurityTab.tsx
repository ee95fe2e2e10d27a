/**
 * The password, and the logins: what they are, when they began, ending them.
 * A changed password ends all other logins.
 */
import { LaptopMinimal, LogOut } from "lucide-react";
import { useCallback, useState } from "react";
import type { SessionItem } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Badge, Banner, SkeletonRows } from "../../ui/Feedback";
import { TextField } from "../../ui/Field";
import { useToast } from "../../ui/Toasts";
import { StrengthHint } from "../auth/AuthPage";
import { passwordComplaint } from "../auth/validation";
import { useAccount, useClient } from "../context/client";
import { errorText } from "../context/errors";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { useLoad } from "../context/useLoad";
import { deviceOf } from "./device";
import { Row, Section } from "./Section";
import sectionStyles from "./Section.module.css";
import styles from "./SecurityTab.module.css";

export function SecurityTab() {
  return (
    <>
      <PasswordSection />
      <SessionsSection />
    </>
  );
}

function PasswordSection() {
  const { t } = useI18n();
  const client = useClient();
  const account = useAccount();
  const toast = useToast();
  const action = useAction();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const complaint = next === "" ? undefined : passwordComplaint(next);
  const save = async () => {
    if (!(await action.run(() => client.session.changePassword(current, next)))) return;
    setCurrent("");
    setNext("");
    toast({ text: t("security.changed") });
  };
  return (
    <Section title={t("security.password")} text={t("security.passwordText")}>
      <form
        className={sectionStyles.form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <input type="text" name="username" autoComplete="username" value={account.username} readOnly hidden />
        <TextField label={t("security.current")} type="password" autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.currentTarget.value)} />
        <TextField
          label={t("security.new")}
          type="password"
          autoComplete="new-password"
          value={next}
          hint={<StrengthHint password={next} />}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <Row>
          <Button type="submit" tone="accent" busy={action.busy} disabled={current === "" || next === "" || complaint !== undefined}>
            {t("security.change")}
          </Button>
        </Row>
      </form>
    </Section>
  );
}

function SessionsSection() {
  const { t } = useI18n();
  const client = useClient();
  const sessions = useLoad(useCallback(() => client.session.listSessions(), [client]));
  return (
    <Section title={t("sessions.title")} text={t("sessions.text")}>
      {sessions.error === undefined ? null : <Banner tone="danger">{errorText(sessions.error, t)}</Banner>}
      {sessions.value === undefined && sessions.loading ? <SkeletonRows label={t("state.loading")} rows={2} /> : null}
      <ul role="list" className={styles.list}>
        {(sessions.value ?? []).map((session) => (
          <SessionRow key={session.sessionId} session={session} onEnded={sessions.again} />
        ))}
      </ul>
    </Section>
  );
}

function SessionRow({ session, onEnded }: { session: SessionItem; onEnded: () => void }) {
  const { t, formats } = useI18n();
  const client = useClient();
  const now = useNow();
  const action = useAction();
  const { browser, system } = deviceOf(session.agent) ?? {};
  const name = browser === undefined || system === undefined ? (browser ?? system ?? t("sessions.unknown")) : t("sessions.device", { browser, system });
  const end = async () => {
    if (await action.run(() => client.session.endSession(session.sessionId))) onEnded();
  };
  return (
    <li className={styles.session}>
      <LaptopMinimal aria-hidden="true" />
      <div className={styles.text}>
        <p className={styles.name} title={session.agent}>
          {name} {session.current ? <Badge tone="success">{t("sessions.current")}</Badge> : null}
        </p>
        <p className={styles.note} title={formats.exact(session.createdAt)}>
          {t("sessions.since", { when: formats.relative(session.createdAt, now) })}
        </p>
      </div>
      {session.current ? null : (
        <Button small icon={<LogOut />} busy={action.busy} aria-label={t("sessions.endNamed", { name })} onClick={() => void end()}>
          {t("sessions.end")}
        </Button>
      )}
    </li>
  );
}
