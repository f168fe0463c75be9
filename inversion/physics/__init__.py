"""Pure functions of machine physics: bearing kinematics, time-domain simulation."""
