/**
 * The page before somebody is logged in: log in, register, register by invitation, or make the owner's account first.
 * Which of these shows is the address's and the server's word; what is typed is kept here alone.
 */
import { MessagesSquare, ServerOff } from "lucide-react";
import { useState } from "react";
import type { ReactNode, SyntheticEvent } from "react";
import type { ServerInfo, SessionState } from "../../sync/api";
import { ApiError } from "../../sync/api";
import { useI18n, useT } from "../../i18n/I18nProvider";
import type { MessageKey } from "../../i18n/translate";
import { Button } from "../../ui/Button";
import { Banner } from "../../ui/Feedback";
import { TextField } from "../../ui/Field";
import { useClient } from "../context/client";
import { errorText } from "../context/errors";
import { Link, useGo, useRoute } from "../context/navigation";
import type { Route } from "../context/route";
import styles from "./AuthPage.module.css";
import { takeFirstSteps } from "./firstSteps";
import { passwordComplaint, strengthOf, usernameComplaint } from "./validation";

type LoggedOut = Extract<SessionState, { kind: "loggedOut" }>;

export function AuthPage({ session }: { session: LoggedOut }) {
  const route = useRoute();
  const mode = modeOf(route, session.server);
  return (
    <div className={styles.page}>
      <main className={styles.card}>
        <Brand name={session.server?.name} />
        <Notices session={session} mode={mode} />
        {mode === "logIn" ? <LogInForm after={route} /> : <RegisterForm mode={mode} route={route} />}
        <Alternatives mode={mode} server={session.server} />
      </main>
    </div>
  );
}

type Mode = "logIn" | "register" | "owner" | "invited";

function modeOf(route: Route, server: ServerInfo | undefined): Mode {
  if (route.page === "join") return "invited";
  if (server?.needsOwner === true) return "owner";
  return route.page === "register" ? "register" : "logIn";
}

export function Brand({ name }: { name?: string | undefined }) {
  return (
    <div className={styles.brand}>
      <span className={styles.mark} aria-hidden="true">
        <MessagesSquare />
      </span>
      <span>{name === undefined || name === "" ? "DynamoWave Chat" : name}</span>
    </div>
  );
}

function Notices({ session, mode }: { session: LoggedOut; mode: Mode }) {
  const t = useT();
  const notices: ReactNode[] = [];
  if (session.server === undefined) {
    notices.push(
      <Banner key="offline" tone="warning" icon={<ServerOff />} live>
        {t("auth.serverAway")}
      </Banner>,
    );
  }
  if (session.reason !== undefined && mode === "logIn") {
    notices.push(
      <Banner key="reason" tone={session.reason === "disabled" ? "danger" : "info"} live>
        {t(session.reason === "disabled" ? "error.account_disabled" : "auth.ended")}
      </Banner>,
    );
  }
  return notices;
}

function LogInForm({ after }: { after: Route }) {
  const t = useT();
  const client = useClient();
  const go = useGo();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const form = useForm();
  const submit = (event: SyntheticEvent) =>
    form.submit(event, async () => {
      await client.session.logIn({ username: username.trim(), password });
      if (after.page === "login" || after.page === "register") go({ page: "home" }, { replace: true });
    });
  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <h1 className={styles.title}>{t("auth.logIn")}</h1>
      <UsernameField value={username} onChange={setUsername} error={form.errorOf("username")} />
      <TextField
        label={t("auth.password")}
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <FormError text={form.error} />
      <Button type="submit" tone="accent" wide busy={form.busy} disabled={username.trim() === "" || password === ""}>
        {t("auth.logIn")}
      </Button>
    </form>
  );
}

const REGISTER_TITLES = { register: "auth.register", owner: "auth.ownerTitle", invited: "auth.invitedTitle" } as const;
const REGISTER_HINTS = { register: "auth.registerHint", owner: "auth.ownerHint", invited: "auth.invitedHint" } as const;

function RegisterForm({ mode, route }: { mode: Exclude<Mode, "logIn">; route: Route }) {
  const t = useT();
  const client = useClient();
  const go = useGo();
  const [displayName, setDisplayName] = useState("");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const form = useForm();
  const submit = (event: SyntheticEvent) =>
    form.submit(
      event,
      async () => {
        await client.session.register({
          username: username.trim(),
          password,
          ...(displayName.trim() === "" ? {} : { displayName: displayName.trim() }),
          ...(route.page === "join" ? { invite: route.code } : {}),
        });
        const channel = await takeFirstSteps(client, mode === "owner", t);
        go(channel === undefined ? { page: "home" } : { page: "conversation", conversationId: channel }, { replace: true });
      },
      { username: usernameComplaint(username.trim()), password: passwordComplaint(password) },
    );
  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <div>
        <h1 className={styles.title}>{t(REGISTER_TITLES[mode])}</h1>
        <p className={styles.hint}>{t(REGISTER_HINTS[mode])}</p>
      </div>
      <TextField
        label={t("auth.displayName")}
        autoComplete="name"
        maxLength={64}
        value={displayName}
        placeholder={t("auth.displayNameExample")}
        onChange={(event) => setDisplayName(event.currentTarget.value)}
        error={form.errorOf("displayName")}
      />
      <UsernameField value={username} onChange={setUsername} error={form.errorOf("username")} hint={t("auth.usernameHint")} />
      <TextField
        label={t("auth.password")}
        type="password"
        autoComplete="new-password"
        required
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        error={form.errorOf("password")}
        hint={<StrengthHint password={password} />}
      />
      <FormError text={form.error} />
      <Button type="submit" tone="accent" wide busy={form.busy} disabled={username.trim() === "" || password === ""}>
        {t(mode === "owner" ? "auth.ownerSubmit" : "auth.registerSubmit")}
      </Button>
    </form>
  );
}

interface UsernameFieldProps {
  value: string;
  onChange: (username: string) => void;
  error: string | undefined;
  hint?: string;
}

function UsernameField({ value, onChange, error, hint }: UsernameFieldProps) {
  const t = useT();
  return (
    <TextField
      label={t("auth.username")}
      name="username"
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      required
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      {...(hint === undefined ? {} : { hint })}
    />
  );
}

export function StrengthHint({ password }: { password: string }) {
  const t = useT();
  if (password === "") return t("auth.passwordHint");
  const strength = strengthOf(password);
  return (
    <span className={styles.strength} data-strength={strength}>
      <span className={styles.meter} aria-hidden="true" />
      {t(`auth.strength.${strength}`)}
    </span>
  );
}

function FormError({ text }: { text: string | undefined }) {
  return text === undefined ? null : (
    <p className={styles.error} role="alert">
      {text}
    </p>
  );
}

function Alternatives({ mode, server }: { mode: Mode; server: ServerInfo | undefined }) {
  const { rich, t } = useI18n();
  if (mode === "owner") return null;
  if (mode !== "logIn") {
    return <p className={styles.alternative}>{rich("auth.haveAccount", { link: <Link to={{ page: "login" }}>{t("auth.logIn")}</Link> })}</p>;
  }
  if (server?.registration === "open") {
    return <p className={styles.alternative}>{rich("auth.noAccount", { link: <Link to={{ page: "register" }}>{t("auth.register")}</Link> })}</p>;
  }
  return server === undefined ? null : <p className={styles.alternative}>{t("auth.inviteNeeded")}</p>;
}

type Complaints = Readonly<Record<string, Extract<MessageKey, `error.${string}`> | undefined>>;

/** What is wrong with a form, by field or as a whole, and whether it is being sent. */
function useForm() {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<{ field?: string; text: string }[]>([]);
  const send = async (work: () => Promise<void>) => {
    setBusy(true);
    setFailure([]);
    try {
      await work();
    } catch (error) {
      const field = error instanceof ApiError ? fieldOf(error) : undefined;
      setFailure([{ text: errorText(error, t), ...(field === undefined ? {} : { field }) }]);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: SyntheticEvent, work: () => Promise<void>, complaints: Complaints = {}) => {
    event.preventDefault();
    const found = Object.entries(complaints).flatMap(([field, key]) => (key === undefined ? [] : [{ field, text: t(key) }]));
    if (found.length > 0) setFailure(found);
    else void send(work);
  };
  const errorOf = (field: string) => failure.find((entry) => entry.field === field)?.text;
  const error = failure.find((entry) => entry.field === undefined)?.text;
  return { busy, submit, errorOf, error };
}

const FIELDS_OF_CODES: Readonly<Record<string, string>> = {
  bad_username: "username",
  username_taken: "username",
  bad_password: "password",
  bad_display_name: "displayName",
};

function fieldOf(error: ApiError): string | undefined {
  return FIELDS_OF_CODES[error.code];
}
