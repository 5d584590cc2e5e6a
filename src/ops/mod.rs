//! The service around the wire: the admin port and the service manager.

pub mod admin;
mod api;
mod board;
pub mod order;
mod page;
pub mod service;
pub mod watch;
