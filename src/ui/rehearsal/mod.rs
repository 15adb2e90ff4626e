//! A finished rehearsal for people: as text, as a picture, as a page.

mod html;
mod layout;
mod svg;
mod text;

pub use html::html;
pub use svg::svg;
pub use text::text;
