-- A project that nobody ever tidied: text everywhere, NULL everywhere, odd words, no attachments, no row level security.
create type channel as enum ('mail', 'Phone %s');
create table products (
    id uuid primary key default gen_random_uuid(),
    name varchar(200) not null,
    price double precision,
    created_at timestamp,
    updated_at timestamp,
    supplier text,
    stock integer default 0,
    label text generated always as (upper(name)) stored
);
create table customers (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    email text,
    tenant text not null default 'main',
    newsletter boolean,
    since date,
    created_at timestamptz
);
create table acquisitions (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid not null,
    product_id uuid not null,
    quantity numeric,
    total_amount numeric
);
create table interactions (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid not null references customers (id),
    type varchar(40),
    notes text,
    interaction_at timestamptz,
    created_at timestamptz
);
create table tickets (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    status text,
    priority varchar(30) default 'whenever',
    customer_id uuid references customers (id),
    assigned_to uuid,
    channel channel,
    team varchar(20) check (team in ('', ' north', 'south')),
    due timestamp,
    extra jsonb,
    created_at timestamptz,
    updated_at timestamptz
);
create table comments (
    id uuid primary key default gen_random_uuid(),
    ticket_id uuid not null references tickets (id),
    author_id uuid,
    content text not null,
    created_at timestamptz
);
create view open_tickets as select * from tickets where status is distinct from 'closed';

insert into products (name, price, created_at, supplier)
    select 'Thing ' || n, case when n % 3 > 0 then n * 0.1 end, case when n % 2 = 0 then '2020-02-03'::timestamp end, 'Acme'
    from generate_series(1, 30) as n;
insert into customers (name, email, created_at)
    select 'Somebody ' || n, case when n % 4 = 0 then 'no address' end, case when n % 2 = 0 then now() end
    from generate_series(1, 30) as n;
insert into acquisitions (customer_id, product_id, quantity, total_amount)
    select c.id, p.id, case when p.price > 1 then 1.5 end, case when p.price > 2 then -3.25 end
    from customers as c join products as p on right(c.name, 2) = right(p.name, 2);
insert into interactions (customer_id, type, notes, interaction_at)
    select id, (array['Call', 'walk-in', '', null])[1 + ascii(right(name, 1)) % 4], 'It was odd',
           case when right(name, 1) > '5' then now() end
    from customers;
insert into tickets (title, status, priority, customer_id, created_at)
    select 'Trouble ' || n, (array['Open', 'in progress', 'WON''T FIX', 'ärger %s', '', null])[1 + n % 6],
           (array['whenever', 'HIGH', 'low', null])[1 + n % 4],
           (select id from customers where name = 'Somebody ' || n), case when n % 3 > 0 then now() - n * interval '1 day' end
    from generate_series(1, 60) as n;
insert into comments (ticket_id, author_id, content, created_at)
    select id, case when right(title, 1) > '5' then gen_random_uuid() end, 'Hm', case when right(title, 1) > '3' then now() end
    from tickets;
