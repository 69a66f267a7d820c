dray_test_program(snmp_tests FOLDER tests/interop/snmp)
