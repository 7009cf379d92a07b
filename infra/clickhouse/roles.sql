-- Users of the public views, made by `xpulse roles sql` from infra/clickhouse/roles.yaml; do not edit.
-- To be run by an administrator, after `xpulse migrate`. What was tried of it is told in docs/roles.md.

CREATE SETTINGS PROFILE OR REPLACE `xpulse_wall` SETTINGS
    readonly = 1 CONST,
    max_execution_time = 10 MIN 1 MAX 10 CHANGEABLE_IN_READONLY,
    max_memory_usage = 536870912 MIN 1 MAX 536870912 CHANGEABLE_IN_READONLY,
    max_result_rows = 20000 MIN 1 MAX 20000 CHANGEABLE_IN_READONLY,
    max_result_bytes = 16777216 MIN 1 MAX 16777216 CHANGEABLE_IN_READONLY,
    max_rows_to_read = 200000000 CONST,
    max_concurrent_queries_for_user = 8 CONST,
    result_overflow_mode = 'throw' CONST,
    read_overflow_mode = 'throw' CONST,
    timeout_overflow_mode = 'throw' CONST,
    allow_introspection_functions = 0 CONST,
    allow_ddl = 0 CONST,
    output_format_write_statistics = 0 CONST;

CREATE ROLE IF NOT EXISTS `xpulse_wall`;

ALTER ROLE `xpulse_wall` SETTINGS PROFILE `xpulse_wall`;

REVOKE ALL ON *.* FROM `xpulse_wall`;

GRANT SELECT ON `xpulse_pub`.* TO `xpulse_wall`;

CREATE QUOTA OR REPLACE `xpulse_wall` KEYED BY user_name FOR INTERVAL 1 hour MAX queries = 72000 TO `xpulse_wall`;

CREATE SETTINGS PROFILE OR REPLACE `xpulse_analyst` SETTINGS
    readonly = 1 CONST,
    max_execution_time = 60 MIN 1 MAX 60 CHANGEABLE_IN_READONLY,
    max_memory_usage = 2147483648 MIN 1 MAX 2147483648 CHANGEABLE_IN_READONLY,
    max_result_rows = 1000000 MIN 1 MAX 1000000 CHANGEABLE_IN_READONLY,
    max_result_bytes = 268435456 MIN 1 MAX 268435456 CHANGEABLE_IN_READONLY,
    max_rows_to_read = 2000000000 CONST,
    max_concurrent_queries_for_user = 2 CONST,
    result_overflow_mode = 'throw' CONST,
    read_overflow_mode = 'throw' CONST,
    timeout_overflow_mode = 'throw' CONST,
    allow_introspection_functions = 0 CONST,
    allow_ddl = 0 CONST,
    output_format_write_statistics = 0 CONST;

CREATE ROLE IF NOT EXISTS `xpulse_analyst`;

ALTER ROLE `xpulse_analyst` SETTINGS PROFILE `xpulse_analyst`;

REVOKE ALL ON *.* FROM `xpulse_analyst`;

GRANT SELECT ON `xpulse_pub`.* TO `xpulse_analyst`;

CREATE QUOTA OR REPLACE `xpulse_analyst` KEYED BY user_name FOR INTERVAL 1 hour MAX queries = 2000 TO `xpulse_analyst`;

CREATE SETTINGS PROFILE OR REPLACE `xpulse_manager_no` SETTINGS
    readonly = 1 CONST,
    max_execution_time = 10 MIN 1 MAX 10 CHANGEABLE_IN_READONLY,
    max_memory_usage = 536870912 MIN 1 MAX 536870912 CHANGEABLE_IN_READONLY,
    max_result_rows = 20000 MIN 1 MAX 20000 CHANGEABLE_IN_READONLY,
    max_result_bytes = 16777216 MIN 1 MAX 16777216 CHANGEABLE_IN_READONLY,
    max_rows_to_read = 200000000 CONST,
    max_concurrent_queries_for_user = 2 CONST,
    result_overflow_mode = 'throw' CONST,
    read_overflow_mode = 'throw' CONST,
    timeout_overflow_mode = 'throw' CONST,
    allow_introspection_functions = 0 CONST,
    allow_ddl = 0 CONST,
    output_format_write_statistics = 0 CONST;

CREATE ROLE IF NOT EXISTS `xpulse_manager_no`;

ALTER ROLE `xpulse_manager_no` SETTINGS PROFILE `xpulse_manager_no`;

REVOKE ALL ON *.* FROM `xpulse_manager_no`;

GRANT SELECT ON `xpulse_pub_manager_no`.* TO `xpulse_manager_no`;

CREATE QUOTA OR REPLACE `xpulse_manager_no` KEYED BY user_name FOR INTERVAL 1 hour MAX queries = 2000 TO `xpulse_manager_no`;

CREATE SETTINGS PROFILE OR REPLACE `xpulse_owner_mail` SETTINGS
    readonly = 1 CONST,
    max_execution_time = 10 MIN 1 MAX 10 CHANGEABLE_IN_READONLY,
    max_memory_usage = 536870912 MIN 1 MAX 536870912 CHANGEABLE_IN_READONLY,
    max_result_rows = 20000 MIN 1 MAX 20000 CHANGEABLE_IN_READONLY,
    max_result_bytes = 16777216 MIN 1 MAX 16777216 CHANGEABLE_IN_READONLY,
    max_rows_to_read = 200000000 CONST,
    max_concurrent_queries_for_user = 2 CONST,
    result_overflow_mode = 'throw' CONST,
    read_overflow_mode = 'throw' CONST,
    timeout_overflow_mode = 'throw' CONST,
    allow_introspection_functions = 0 CONST,
    allow_ddl = 0 CONST,
    output_format_write_statistics = 0 CONST;

CREATE ROLE IF NOT EXISTS `xpulse_owner_mail`;

ALTER ROLE `xpulse_owner_mail` SETTINGS PROFILE `xpulse_owner_mail`;

REVOKE ALL ON *.* FROM `xpulse_owner_mail`;

GRANT SELECT ON `xpulse_pub_owner_mail`.* TO `xpulse_owner_mail`;

CREATE QUOTA OR REPLACE `xpulse_owner_mail` KEYED BY user_name FOR INTERVAL 1 hour MAX queries = 2000 TO `xpulse_owner_mail`;

CREATE USER OR REPLACE `wall` NOT IDENTIFIED HOST LOCAL DEFAULT DATABASE `xpulse_pub`;

GRANT `xpulse_wall` TO `wall`;

CREATE USER OR REPLACE `analyst` NOT IDENTIFIED HOST LOCAL DEFAULT DATABASE `xpulse_pub`;

GRANT `xpulse_analyst` TO `analyst`;

CREATE USER OR REPLACE `manager_no` NOT IDENTIFIED HOST LOCAL DEFAULT DATABASE `xpulse_pub_manager_no`;

GRANT `xpulse_manager_no` TO `manager_no`;

CREATE USER OR REPLACE `owner_mail` NOT IDENTIFIED HOST LOCAL DEFAULT DATABASE `xpulse_pub_owner_mail`;

GRANT `xpulse_owner_mail` TO `owner_mail`;
