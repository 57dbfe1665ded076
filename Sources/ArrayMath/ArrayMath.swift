// The ArrayMath module.
