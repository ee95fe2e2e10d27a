//! How somebody wants the app to be, and what others see of them besides the name.
//! In requests what is absent stays as it is; where `null` is a value, it takes away what was set.

use std::borrow::Cow;

use chat::profile::{self, ConversationPreferencesPatch, PreferencesPatch};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::scalar::Time;

/// How somebody says they are: an emoji, a few words, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct UserStatus {
    /// One emoji or short word, at most 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What to be notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NotifyLevel {
    /// Every message.
    All,
    /// Mentions, replies and direct messages.
    Mentions,
    /// Nothing.
    None,
}

/// The colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the device says.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The spacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Density {
    /// Roomy.
    Comfortable,
    /// Dense.
    Compact,
}

/// `GET /v1/account/preferences`: the same on all devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Preferences")]
pub struct PreferencesBody {
    /// What to be notified of where a conversation says nothing else.
    pub notify: NotifyLevel,
    /// No notifications until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_not_disturb_until: Option<Time>,
    /// Whether a notification makes a sound.
    pub sound: bool,
    /// Whether Enter sends; else it begins a new line.
    pub enter_sends: bool,
    /// Language tag; that of the device when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The colours.
    pub theme: Theme,
    /// The spacing.
    pub density: Density,
}

/// `PATCH /v1/account/preferences`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferencesChange {
    /// What to be notified of where a conversation says nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifyLevel>,
    /// No notifications until then; `null` ends it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub do_not_disturb_until: Option<OrNull<Time>>,
    /// Whether a notification makes a sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<bool>,
    /// Whether Enter sends; else it begins a new line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enter_sends: Option<bool>,
    /// Language tag; `null` is that of the device.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub locale: Option<OrNull<String>>,
    /// The colours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// The spacing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Density>,
}

/// How the reader wants one conversation to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ConversationPreferences")]
pub struct ConversationPreferencesBody {
    /// What to be notified of here; as in the general preferences when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifyLevel>,
    /// Whether it stands at the top of the list.
    pub pinned: bool,
    /// Whether it is quiet: no notifications, no badge.
    pub muted: bool,
}

/// `PATCH /v1/conversations/{id}/preferences`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ConversationPreferencesChange {
    /// What to be notified of here; `null` is as in the general preferences.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub notify: Option<OrNull<NotifyLevel>>,
    /// Whether it stands at the top of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether it is quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
}

/// A value, or `null` to take it away: the one place where `null` is not the same as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrNull<T>(pub Option<T>);

/// A member that is there, `null` included.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<T: JsonSchema> JsonSchema for OrNull<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrNull", title_case(&T::schema_name())).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({"description": "A value, or null to take it away.", "anyOf": [value, {"type": "null"}]})
    }
}

fn title_case(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

impl UserStatus {
    /// The status of a profile, if it has one.
    #[must_use]
    pub fn of(profile: &chat::Profile) -> Option<UserStatus> {
        let chat::Profile { status_emoji: emoji, status_text: text, .. } = profile.clone();
        (emoji.is_some() || text.is_some()).then_some(UserStatus { emoji, text })
    }
}

impl PreferencesChange {
    /// The change as the chat knows it.
    #[must_use]
    pub fn into_patch(self) -> PreferencesPatch {
        PreferencesPatch {
            notify: self.notify.map(Into::into),
            do_not_disturb_until: self.do_not_disturb_until.map(|until| until.0.map(Time::ms)),
            sound: self.sound,
            enter_sends: self.enter_sends,
            locale: self.locale.map(|locale| locale.0),
            theme: self.theme.map(Into::into),
            density: self.density.map(Into::into),
        }
    }
}

impl ConversationPreferencesChange {
    /// The change as the chat knows it.
    #[must_use]
    pub fn into_patch(self) -> ConversationPreferencesPatch {
        ConversationPreferencesPatch {
            notify: self.notify.map(|level| level.0.map(Into::into)),
            is_pinned: self.pinned,
            is_muted: self.muted,
        }
    }
}

impl From<chat::Preferences> for PreferencesBody {
    fn from(it: chat::Preferences) -> Self {
        PreferencesBody {
            notify: it.notify.into(),
            do_not_disturb_until: it.do_not_disturb_until.map(Time::from_ms),
            sound: it.sound,
            enter_sends: it.enter_sends,
            locale: it.locale,
            theme: it.theme.into(),
            density: it.density.into(),
        }
    }
}

impl From<chat::ConversationPreferences> for ConversationPreferencesBody {
    fn from(it: chat::ConversationPreferences) -> Self {
        ConversationPreferencesBody {
            notify: it.notify.map(Into::into),
            pinned: it.is_pinned,
            muted: it.is_muted,
        }
    }
}

/// One enum here is the enum of the same name there.
macro_rules! same {
    ($($wire:ident = $chat:ident { $($variant:ident),* };)*) => {$(
        impl From<profile::$chat> for $wire {
            fn from(it: profile::$chat) -> Self {
                match it { $(profile::$chat::$variant => $wire::$variant,)* }
            }
        }
        impl From<$wire> for profile::$chat {
            fn from(it: $wire) -> Self {
                match it { $($wire::$variant => profile::$chat::$variant,)* }
            }
        }
    )*};
}

same! {
    NotifyLevel = Notify { All, Mentions, None };
    Theme = Theme { System, Light, Dark };
    Density = Density { Comfortable, Compact };
}
