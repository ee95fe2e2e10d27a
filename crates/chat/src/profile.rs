//! What people say of themselves besides their name, and how they want the app to be.
//! Knows no picture's bytes; a picture's version names them.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AvatarId, TimestampMs},
    limits::{EMOJI_BYTES_MAX, LOCALE_BYTES_MAX, STATUS_CHARS_MAX},
    refusal::Refusal,
};

/// What others see of somebody besides the name. Stored: never gains a field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// An emoji that says how they are.
    pub status_emoji: Option<String>,
    /// A few words that say so.
    pub status_text: Option<String>,
    /// Names the picture; another one for every new picture.
    pub avatar: Option<AvatarId>,
}

/// How somebody wants the app to be, on all devices. Stored: never gains a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// What to be notified of where a conversation says nothing else.
    pub notify: Notify,
    /// No notifications until then.
    pub do_not_disturb_until: Option<TimestampMs>,
    /// Whether a notification makes a sound.
    pub sound: bool,
    /// Whether Enter sends (or begins a new line).
    pub enter_sends: bool,
    /// Language tag; that of the device when absent.
    pub locale: Option<String>,
    /// Light or dark.
    pub theme: Theme,
    /// How close together things stand.
    pub density: Density,
}

/// Changes of [`Preferences`]: `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `Preferences`")]
pub struct PreferencesPatch {
    pub notify: Option<Notify>,
    pub do_not_disturb_until: Option<Option<TimestampMs>>,
    pub sound: Option<bool>,
    pub enter_sends: Option<bool>,
    pub locale: Option<Option<String>>,
    pub theme: Option<Theme>,
    pub density: Option<Density>,
}

/// How somebody wants one conversation to be. Stored: never gains a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConversationPreferences {
    /// What to be notified of here; as everywhere when absent.
    pub notify: Option<Notify>,
    /// Whether it stands at the top of the list.
    pub is_pinned: bool,
    /// Whether it is quiet: no notifications, no badge.
    pub is_muted: bool,
}

/// Changes of [`ConversationPreferences`]: `None` leaves as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `ConversationPreferences`")]
pub struct ConversationPreferencesPatch {
    pub notify: Option<Option<Notify>>,
    pub is_pinned: Option<bool>,
    pub is_muted: Option<bool>,
}

/// What to be notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notify {
    /// Every message.
    All,
    /// Mentions, replies and direct messages.
    Mentions,
    /// Nothing.
    None,
}

/// The colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Theme {
    /// As the device says.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The spacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Density {
    /// Roomy.
    Comfortable,
    /// Dense.
    Compact,
}

impl Default for Preferences {
    fn default() -> Self {
        Preferences {
            notify: Notify::All,
            do_not_disturb_until: None,
            sound: true,
            enter_sends: true,
            locale: None,
            theme: Theme::System,
            density: Density::Comfortable,
        }
    }
}

impl Preferences {
    /// These with the changes made.
    #[must_use]
    pub fn patched(self, patch: &PreferencesPatch) -> Preferences {
        Preferences {
            notify: patch.notify.unwrap_or(self.notify),
            do_not_disturb_until: patch.do_not_disturb_until.unwrap_or(self.do_not_disturb_until),
            sound: patch.sound.unwrap_or(self.sound),
            enter_sends: patch.enter_sends.unwrap_or(self.enter_sends),
            locale: patch.locale.clone().unwrap_or(self.locale),
            theme: patch.theme.unwrap_or(self.theme),
            density: patch.density.unwrap_or(self.density),
        }
    }
}

impl ConversationPreferences {
    /// These with the changes made.
    #[must_use]
    pub fn patched(self, patch: ConversationPreferencesPatch) -> ConversationPreferences {
        ConversationPreferences {
            notify: patch.notify.unwrap_or(self.notify),
            is_pinned: patch.is_pinned.unwrap_or(self.is_pinned),
            is_muted: patch.is_muted.unwrap_or(self.is_muted),
        }
    }
}

/// Checks a status: an emoji or short word, and a line of text.
///
/// # Errors
/// `BadStatus`.
pub fn check_status(emoji: Option<&str>, text: Option<&str>) -> Result<(), Refusal> {
    let emoji_fits = emoji.is_none_or(|emoji| {
        (1..=EMOJI_BYTES_MAX).contains(&emoji.len())
            && !emoji.chars().any(|c| c.is_whitespace() || c.is_control())
    });
    let text_fits = text.is_none_or(|text| {
        (1..=STATUS_CHARS_MAX).contains(&text.chars().count())
            && !text.trim().is_empty()
            && !text.chars().any(char::is_control)
    });
    if emoji_fits && text_fits { Ok(()) } else { Err(Refusal::BadStatus) }
}

/// Checks the one text in preferences: a language tag such as `pt-BR`.
///
/// # Errors
/// `BadLocale`.
pub fn check_preferences(patch: &PreferencesPatch) -> Result<(), Refusal> {
    let Some(Some(locale)) = &patch.locale else { return Ok(()) };
    let fits = (2..=LOCALE_BYTES_MAX).contains(&locale.len());
    if fits
        && locale.split('-').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
    {
        Ok(())
    } else {
        Err(Refusal::BadLocale)
    }
}
