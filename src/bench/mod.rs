//! Layer 5: timing and accuracy records, tables, reports.
