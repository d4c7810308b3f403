//! Jobs without end, through kills and restarts.
