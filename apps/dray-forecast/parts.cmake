dray_program(dray-forecast DEPS sim)
