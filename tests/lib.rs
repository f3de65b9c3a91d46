//! Nothing is exported: the tests are in `it/`.
