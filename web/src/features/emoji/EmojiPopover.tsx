/**
 * A button that opens the emoji picker, which is loaded with its first opening.
 * Closes when one is picked.
 */
import { Suspense, lazy, useState } from "react";
import type { ReactNode } from "react";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { SkeletonRows } from "../../ui/Feedback";
import { Popover } from "../../ui/Popover";

const EmojiPicker = lazy(() => import("./EmojiPicker"));

export interface EmojiPopoverProps {
  label: string;
  icon: ReactNode;
  small?: boolean;
  onPick: (emoji: string) => void;
}

export function EmojiPopover({ label, icon, small, onPick }: EmojiPopoverProps) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const pick = (emoji: string) => {
    setOpen(false);
    onPick(emoji);
  };
  return (
    <Popover
      bare
      label={label}
      open={open}
      onOpenChange={setOpen}
      trigger={
        <IconButton label={label} small={small === true} active={open}>
          {icon}
        </IconButton>
      }
    >
      <Suspense fallback={<SkeletonRows label={t("state.loading")} rows={3} />}>
        <EmojiPicker onPick={pick} />
      </Suspense>
    </Popover>
  );
}
