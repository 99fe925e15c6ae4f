//! uipath
