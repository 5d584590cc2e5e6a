//! The service around the wire: the admin port and the service manager.

pub mod admin;
mod api;
pub mod order;
pub mod service;
