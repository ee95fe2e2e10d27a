/**
 * Catches a fault of a page, so that the others go on, and offers to try again.
 * Nothing of what was typed is lost: drafts and the outbox are kept on the device.
 */
import { OctagonAlert } from "lucide-react";
import { Component } from "react";
import type { ReactNode } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { EmptyState } from "../../ui/Feedback";

interface State {
  readonly failed: boolean;
}

export class CrashBoundary extends Component<{ children: ReactNode; resetKey?: string }, State> {
  override state: State = { failed: false };

  static getDerivedStateFromError(): State {
    return { failed: true };
  }

  override componentDidUpdate(before: { resetKey?: string }) {
    if (this.state.failed && before.resetKey !== this.props.resetKey) this.setState({ failed: false });
  }

  override render() {
    return this.state.failed ? <Crashed onRetry={() => this.setState({ failed: false })} /> : this.props.children;
  }
}

function Crashed({ onRetry }: { onRetry: () => void }) {
  const t = useT();
  return (
    <div role="alert">
      <EmptyState icon={<OctagonAlert />} title={t("crash.title")} action={<Button onClick={onRetry}>{t("action.retry")}</Button>}>
        {t("crash.text")}
      </EmptyState>
    </div>
  );
}
