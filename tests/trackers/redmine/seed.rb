# What the tests need and Redmine's API cannot make: keys, people, custom fields, two projects.
Setting.rest_api_enabled = '1'
Setting.login_required = '1'
Setting.default_language = 'en'
# Nobody reads the mails, and the threads that render them hold the database.
Setting.notified_events = []

def give_key(user, key)
  token = Token.where(user_id: user.id, action: 'api').first_or_initialize
  token.save!(validate: false)
  Token.where(id: token.id).update_all(value: key)
end

def person(login, first, last)
  user = User.find_by_login(login) || User.new(firstname: first, lastname: last, mail: "#{login}@example.org")
  user.login = login
  user.password = user.password_confirmation = SecureRandom.hex(12)
  user.save!
  user
end

def field(name, format, options = {})
  return if IssueCustomField.find_by(name: name)

  IssueCustomField.create!({ name: name, field_format: format, is_for_all: true, is_filter: true,
                             trackers: Tracker.all.to_a }.merge(options))
end

admin = User.find_by_login('admin')
admin.password = admin.password_confirmation = SecureRandom.hex(12)
admin.must_change_passwd = false
admin.save!
give_key(admin, ENV.fetch('SEED_KEY'))

reporter = person('rita', 'Rita', 'Reporter')
give_key(reporter, ENV.fetch('SEED_LIMITED_KEY'))
developer = person('jane', 'Jane', 'Doe')
give_key(developer, ENV.fetch('SEED_USER_KEY'))

field('Customer', 'string', max_length: 60)
field('Severity', 'list', possible_values: %w[Low Medium High])
field('Platforms', 'list', possible_values: %w[Linux macOS Windows], multiple: true)
field('Impact', 'int')
field('Confirmed', 'bool')
field('Found on', 'date')
field('External ID', 'string')

ENV.fetch('SEED_PROJECTS').split.each do |identifier|
  project = Project.find_by_identifier(identifier) ||
            Project.create!(name: identifier.tr('-', ' ').capitalize, identifier: identifier, is_public: false,
                            trackers: Tracker.all.to_a)
  IssueCategory.find_or_create_by!(project_id: project.id, name: 'Backend')
  IssueCategory.find_or_create_by!(project_id: project.id, name: 'Frontend')
  Version.find_or_create_by!(project_id: project.id, name: '1.0')
  [[admin, 'Manager'], [developer, 'Developer'], [reporter, 'Reporter']].each do |user, role|
    next if Member.where(project_id: project.id, user_id: user.id).exists?

    Member.create!(project: project, principal: user, roles: [Role.find_by!(name: role)])
  end
end
