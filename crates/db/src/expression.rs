//! stub
/// x
pub enum Operand { }
