dray_program(dray-sim DEPS sim)
